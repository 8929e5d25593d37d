"""The reactions of the payments service: charge for reserved stock, then earn the money, or refund it."""

from collections.abc import Mapping

from choreography.participant import Participant
from choreography.reaction import (
    AttemptsExhausted,
    Delivery,
    Reaction,
    Reply,
    do_or_undo,
    with_reason,
    within_time_limit,
)
from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.outbox.outbox import Outbox
from models.activities.payments import ChargePayment, RefundPayment, SettlePayment
from models.choreography import EventType
from models.errors import CardDeclined, OrderRejected
from models.names import key
from models.order import Payment
from postgres.database import Database
from providers.ports import CardProvider
from services.payments.payments import Payments


async def charge(delivery: Delivery[Payments]) -> Reply:
    """Charge the card: PaymentCharged or PaymentDeclined; raise Unavailable to request redelivery."""
    order, payments = delivery.data.order, delivery.service
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
            stop=lambda alone: alone.stop(_undo(delivery)),
            undo=lambda: _give_back(delivery),
        )
    except (CardDeclined, AttemptsExhausted) as declined:
        return EventType.PAYMENT_DECLINED, with_reason(delivery.data, "charge", declined)
    return EventType.PAYMENT_CHARGED, delivery.data


async def settle(delivery: Delivery[Payments]) -> Reply:
    """Earn the held money of a shipped order: PaymentSettled."""
    order_id = delivery.data.order.order_id
    await delivery.service.settle(SettlePayment(key=key(order_id, "charge"), order_id=order_id))
    return EventType.PAYMENT_SETTLED, delivery.data


async def refund(delivery: Delivery[Payments]) -> Reply:
    """Refund the charge, if any: PaymentRefunded."""
    await _give_back(delivery)
    return EventType.PAYMENT_REFUNDED, delivery.data


async def _give_back(delivery: Delivery[Payments]) -> None:
    # Outside of the transaction: the receipt that stops a late charge must commit before the provider is called.
    await within_time_limit(delivery.outside.refund(_undo(delivery), delivery.unit))


def _undo(delivery: Delivery[Payments]) -> RefundPayment:
    order_id = delivery.data.order.order_id
    return RefundPayment(key=key(order_id, "charge"), order_id=order_id)


REACTIONS: Mapping[EventType, Reaction[Payments]] = {
    EventType.STOCK_RESERVED: charge,
    EventType.SHIPMENT_CREATED: settle,
    EventType.SHIPMENT_REFUSED: refund,
    EventType.SHIPMENT_RECALLED: refund,
}


def participant(db: Database, provider: CardProvider, accepted: AcceptedProcesses) -> Participant[Payments]:
    """Return the service as a participant, with its own database."""
    service = Payments(db, provider, accepted)
    return Participant(db, Outbox("payments"), REACTIONS, service, lambda unit: Payments(unit, provider, accepted, db))
