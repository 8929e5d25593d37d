"""The reactions of the inventory service: reserve stock for a placed order, then sell it, or release it."""

from choreography.reaction import Delivery, Reply, with_reason
from models.activities.inventory import ReleaseInventory, ReserveInventory, SettleStock
from models.choreography import EventType
from models.errors import OutOfStock
from models.names import key


async def reserve(delivery: Delivery) -> Reply:
    """Reserve the articles: StockReserved or StockRejected."""
    order = delivery.data.order
    request = ReserveInventory(key=key(order.order_id, "reserve"), order_id=order.order_id, lines=order.lines)
    try:
        await delivery.services.inventory.reserve(request)
    except OutOfStock as refused:
        return EventType.STOCK_REJECTED, with_reason(delivery.data, "reserve", refused)
    return EventType.STOCK_RESERVED, delivery.data


async def settle(delivery: Delivery) -> Reply:
    """Sell the reserved articles of a shipped order: StockSettled."""
    order_id = delivery.data.order.order_id
    await delivery.services.inventory.settle(SettleStock(key=key(order_id, "reserve"), order_id=order_id))
    return EventType.STOCK_SETTLED, delivery.data


async def release(delivery: Delivery) -> Reply:
    """Release the reservation, if any: StockReleased."""
    order_id = delivery.data.order.order_id
    request = ReleaseInventory(key=key(order_id, "reserve"), order_id=order_id)
    await delivery.services.inventory.release(request)
    return EventType.STOCK_RELEASED, delivery.data
