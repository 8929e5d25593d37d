"""The reactions of the orders service: complete an order, or close an undone one."""

from typing import Literal

from choreography.reaction import Delivery, Reply
from models.activities.orders import CompleteOrder
from models.choreography import EventType
from models.names import key
from models.process import Style


async def complete(delivery: Delivery) -> Reply:
    """Record the outcome of an order whose effects are settled: OrderCompleted."""
    await _close(delivery, "completed")
    return EventType.ORDER_COMPLETED, delivery.data


async def fail(delivery: Delivery) -> Reply:
    """Record the outcome of an undone order: OrderFailed."""
    await _close(delivery, "compensated")
    return EventType.ORDER_FAILED, delivery.data


async def _close(delivery: Delivery, outcome: Literal["completed", "compensated"]) -> None:
    order = delivery.data.order
    request = CompleteOrder(
        key=key(order.order_id, "complete"),
        order_id=order.order_id,
        body_hash=order.body_hash(),
        outcome=outcome,
        reason=delivery.data.reason if outcome == "compensated" else "",
        settled=True,
    )
    await delivery.services.order_closing.close(request, Style.CHOREOGRAPHED)
