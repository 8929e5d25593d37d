"""The inventory service's part: it reserves for an order that was placed, and releases for one that goes back."""

from choreography.reaction import Delivery, Reply, because
from models.activities.inventory import ReleaseInventory, ReserveInventory
from models.choreography import EventType
from models.errors import OutOfStock
from models.names import key


async def reserve(delivery: Delivery) -> Reply:
    """Set the articles aside: StockReserved or StockRejected."""
    order = delivery.facts.order
    request = ReserveInventory(key=key(order.order_id, "reserve"), order_id=order.order_id, lines=order.lines)
    try:
        await delivery.services.inventory.reserve(request)
    except OutOfStock as refused:
        return EventType.STOCK_REJECTED, because(delivery.facts, "reserve", refused)
    return EventType.STOCK_RESERVED, delivery.facts


async def release(delivery: Delivery) -> Reply:
    """Put back what was set aside, if anything was: StockReleased."""
    order_id = delivery.facts.order.order_id
    request = ReleaseInventory(key=key(order_id, "reserve"), order_id=order_id)
    await delivery.services.inventory.release(request)
    return EventType.STOCK_RELEASED, delivery.facts
