"""The reactions of the inventory service: reserve stock for a placed order, then sell it, or release it."""

from collections.abc import Mapping

from choreography.participant import Participant
from choreography.reaction import Delivery, Reaction, Reply, with_reason
from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.outbox.outbox import Outbox
from models.activities.inventory import ReleaseInventory, ReserveInventory, SettleStock
from models.choreography import EventType
from models.errors import OutOfStock
from models.names import key
from postgres.database import Database
from services.inventory.inventory import Inventory


async def reserve(delivery: Delivery[Inventory]) -> Reply:
    """Reserve the articles: StockReserved or StockRejected."""
    order = delivery.data.order
    request = ReserveInventory(key=key(order.order_id, "reserve"), order_id=order.order_id, lines=order.lines)
    try:
        await delivery.service.reserve(request)
    except OutOfStock as refused:
        return EventType.STOCK_REJECTED, with_reason(delivery.data, "reserve", refused)
    return EventType.STOCK_RESERVED, delivery.data


async def settle(delivery: Delivery[Inventory]) -> Reply:
    """Sell the reserved articles of a shipped order: StockSettled."""
    order_id = delivery.data.order.order_id
    await delivery.service.settle(SettleStock(key=key(order_id, "reserve"), order_id=order_id))
    return EventType.STOCK_SETTLED, delivery.data


async def release(delivery: Delivery[Inventory]) -> Reply:
    """Release the reservation, if any: StockReleased."""
    order_id = delivery.data.order.order_id
    request = ReleaseInventory(key=key(order_id, "reserve"), order_id=order_id)
    await delivery.service.release(request)
    return EventType.STOCK_RELEASED, delivery.data


REACTIONS: Mapping[EventType, Reaction[Inventory]] = {
    EventType.ORDER_PLACED: reserve,
    EventType.PAYMENT_SETTLED: settle,
    EventType.PAYMENT_DECLINED: release,
    EventType.PAYMENT_REFUNDED: release,
}


def participant(db: Database, accepted: AcceptedProcesses) -> Participant[Inventory]:
    """Return the service as a participant, with its own database."""
    service = Inventory(db, accepted)
    return Participant(db, Outbox("inventory"), REACTIONS, service, lambda unit: Inventory(unit, accepted))
