"""The payments service's part: it charges for reserved stock, and refunds for an order that goes back."""

from choreography.reaction import TRIES, Heard, Reply, answered, because, give_up, landed
from models.errors import CardDeclined, OrderRejected, Unavailable
from models.names import key
from models.order import Payment
from models.order_events import EventType
from models.steps import ChargePayment, RefundPayment
from services.payments import Payments


async def charge(heard: Heard) -> Reply:
    """Take the money: PaymentCharged or PaymentDeclined; raise Unavailable to be asked again."""
    order, payments = heard.facts.order, Payments(heard.unit, heard.parties.provider)
    if not isinstance(order.payment, Payment):  # refused when it was placed
        raise OrderRejected("payment.method: only a card can pay for a choreographed order")
    asked = ChargePayment(
        key=key(order.order_id, "charge"),
        order_id=order.order_id,
        amount=heard.facts.total,
        token=order.payment.token,
    )
    given_up = Unavailable("every attempt failed")
    if heard.attempt <= TRIES:
        try:
            await answered(payments.charge(asked))
        except CardDeclined as declined:
            return EventType.PAYMENT_DECLINED, because(heard.facts, "charge", declined)
        except Unavailable as error:
            if heard.attempt < TRIES:
                raise
            given_up = error
        else:
            return EventType.PAYMENT_CHARGED, heard.facts
    if await landed(payments.find(asked)):
        return EventType.PAYMENT_CHARGED, heard.facts
    await give_up(heard, lambda alone: Payments(alone, heard.parties.provider).stop(_undo(heard)))
    await _give_back(heard)
    return EventType.PAYMENT_DECLINED, because(heard.facts, "charge", given_up)


async def refund(heard: Heard) -> Reply:
    """Give back what was taken, if anything was: PaymentRefunded."""
    await _give_back(heard)
    return EventType.PAYMENT_REFUNDED, heard.facts


async def _give_back(heard: Heard) -> None:
    # Not on the unit alone: the receipt must stop a late charge before the provider is asked.
    payments = Payments(heard.parties.db, heard.parties.provider)
    await answered(payments.refund(_undo(heard), heard.unit))


def _undo(heard: Heard) -> RefundPayment:
    order_id = heard.facts.order.order_id
    return RefundPayment(key=key(order_id, "charge"), order_id=order_id)
