"""The reactions of the orders service: complete an order, or close an undone one."""

from collections.abc import Callable, Mapping
from typing import Literal

from choreography.participant import Participant
from choreography.reaction import Delivery, Reaction, Reply
from messaging.outbox.outbox import Outbox
from messaging.trace.trace import Trace
from models.activities.orders import CompleteOrder
from models.choreography import EventType
from models.names import key
from models.process import Style
from postgres.database import Database
from services.orders.closing import OrderClosing


async def complete(delivery: Delivery[OrderClosing]) -> Reply:
    """Record the outcome of an order whose effects are settled: OrderCompleted."""
    await _close(delivery, "completed")
    return EventType.ORDER_COMPLETED, delivery.data


async def fail(delivery: Delivery[OrderClosing]) -> Reply:
    """Record the outcome of an undone order: OrderFailed."""
    await _close(delivery, "compensated")
    return EventType.ORDER_FAILED, delivery.data


async def _close(delivery: Delivery[OrderClosing], outcome: Literal["completed", "compensated"]) -> None:
    order = delivery.data.order
    request = CompleteOrder(
        key=key(order.order_id, "complete"),
        order_id=order.order_id,
        body_hash=order.body_hash(),
        outcome=outcome,
        reason=delivery.data.reason if outcome == "compensated" else "",
        settled=True,
    )
    await delivery.service.close(request, Style.CHOREOGRAPHED)


REACTIONS: Mapping[EventType, Reaction[OrderClosing]] = {
    EventType.STOCK_SETTLED: complete,
    EventType.STOCK_REJECTED: fail,
    EventType.STOCK_RELEASED: fail,
}


def participant(db: Database, trace: Trace, ended: Callable[[str], None]) -> Participant[OrderClosing]:
    """Return the orders as a participant; `ended` is called with the id of an order that has ended."""
    return Participant(
        db,
        Outbox("orders"),
        REACTIONS,
        OrderClosing(db, (), ended),
        lambda unit: OrderClosing(unit, (), ended),
        appended=trace.advance,
        over=trace.ended,
    )
