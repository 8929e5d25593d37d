"""The reactions of the payments service: charge for reserved stock, then earn the money, or refund it."""

from choreography.reaction import AttemptsExhausted, Delivery, Reply, do_or_undo, with_reason, within_time_limit
from models.activities.payments import ChargePayment, RefundPayment, SettlePayment
from models.choreography import EventType
from models.errors import CardDeclined, OrderRejected
from models.names import key
from models.order import Payment


async def charge(delivery: Delivery) -> Reply:
    """Charge the card: PaymentCharged or PaymentDeclined; raise Unavailable to request redelivery."""
    order, payments = delivery.data.order, delivery.services.payments
    if not isinstance(order.payment, Payment):  # placing refuses such an order
        raise OrderRejected("payment.method: only a card can pay for a choreographed order")
    request = ChargePayment(
        key=key(order.order_id, "charge"),
        order_id=order.order_id,
        amount=delivery.data.total,
        token=order.payment.token,
    )
    try:
        await do_or_undo(
            delivery,
            do=lambda: payments.charge(request),
            find=lambda: payments.find(request),
            stop=lambda services: services.payments.stop(_undo(delivery)),
            undo=lambda: _give_back(delivery),
        )
    except (CardDeclined, AttemptsExhausted) as declined:
        return EventType.PAYMENT_DECLINED, with_reason(delivery.data, "charge", declined)
    return EventType.PAYMENT_CHARGED, delivery.data


async def settle(delivery: Delivery) -> Reply:
    """Earn the held money of a shipped order: PaymentSettled."""
    order_id = delivery.data.order.order_id
    await delivery.services.payments.settle(SettlePayment(key=key(order_id, "charge"), order_id=order_id))
    return EventType.PAYMENT_SETTLED, delivery.data


async def refund(delivery: Delivery) -> Reply:
    """Refund the charge, if any: PaymentRefunded."""
    await _give_back(delivery)
    return EventType.PAYMENT_REFUNDED, delivery.data


async def _give_back(delivery: Delivery) -> None:
    # Outside of the transaction: the receipt that stops a late charge must commit before the provider is called.
    await within_time_limit(delivery.outside.payments.refund(_undo(delivery), delivery.services.db))


def _undo(delivery: Delivery) -> RefundPayment:
    order_id = delivery.data.order.order_id
    return RefundPayment(key=key(order_id, "charge"), order_id=order_id)
