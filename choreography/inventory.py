"""The inventory service's part: it reserves for an order that was placed, and releases for one that goes back."""

from choreography.reaction import Heard, Reply, because
from models.errors import OutOfStock
from models.names import key
from models.order_events import EventType
from models.steps import ReleaseInventory, ReserveInventory
from services.inventory import Inventory


async def reserve(heard: Heard) -> Reply:
    """Set the articles aside: StockReserved or StockRejected."""
    order = heard.facts.order
    asked = ReserveInventory(key=key(order.order_id, "reserve"), order_id=order.order_id, lines=order.lines)
    try:
        await Inventory(heard.unit).reserve(asked)
    except OutOfStock as refused:
        return EventType.STOCK_REJECTED, because(heard.facts, "reserve", refused)
    return EventType.STOCK_RESERVED, heard.facts


async def release(heard: Heard) -> Reply:
    """Put back what was set aside, if anything was: StockReleased."""
    order_id = heard.facts.order.order_id
    await Inventory(heard.unit).release(ReleaseInventory(key=key(order_id, "reserve"), order_id=order_id))
    return EventType.STOCK_RELEASED, heard.facts
