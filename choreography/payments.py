"""The payments service's part: it charges for reserved stock, and refunds for an order that goes back."""

from choreography.reaction import Delivery, GivenUp, Reply, answered, because, done_or_given_up
from models.activities.payments import ChargePayment, RefundPayment
from models.choreography import EventType
from models.errors import CardDeclined, OrderRejected
from models.names import key
from models.order import Payment


async def charge(delivery: Delivery) -> Reply:
    """Take the money: PaymentCharged or PaymentDeclined; raise Unavailable to be delivered once more."""
    order, payments = delivery.facts.order, delivery.services.payments
    if not isinstance(order.payment, Payment):  # refused when it was placed
        raise OrderRejected("payment.method: only a card can pay for a choreographed order")
    request = ChargePayment(
        key=key(order.order_id, "charge"),
        order_id=order.order_id,
        amount=delivery.facts.total,
        token=order.payment.token,
    )
    try:
        await done_or_given_up(
            delivery,
            do=lambda: payments.charge(request),
            find=lambda: payments.find(request),
            stop=lambda services: services.payments.stop(_undo(delivery)),
            undo=lambda: _give_back(delivery),
        )
    except (CardDeclined, GivenUp) as declined:
        return EventType.PAYMENT_DECLINED, because(delivery.facts, "charge", declined)
    return EventType.PAYMENT_CHARGED, delivery.facts


async def refund(delivery: Delivery) -> Reply:
    """Give back what was taken, if anything was: PaymentRefunded."""
    await _give_back(delivery)
    return EventType.PAYMENT_REFUNDED, delivery.facts


async def _give_back(delivery: Delivery) -> None:
    # Not in the transaction alone: the receipt must stop a late charge before the provider is asked.
    await answered(delivery.outside.payments.refund(_undo(delivery), delivery.services.db))


def _undo(delivery: Delivery) -> RefundPayment:
    order_id = delivery.facts.order.order_id
    return RefundPayment(key=key(order_id, "charge"), order_id=order_id)
