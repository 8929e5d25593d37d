"""The orders service's part: it takes an order in, and closes it when the others are done."""

from typing import Literal

from choreography.reaction import Heard, Reply
from models.errors import Conflict, InvalidInput
from models.names import key
from models.order import Order
from models.order_events import EventType, Facts
from models.steps import CompleteOrder, Priced
from services.closing import Closing
from services.database import Database
from services.inventory import Inventory
from services.orders import Orders
from services.outbox import Outbox
from services.payments import Payments
from services.shipping import Shipping
from services.unit_of_work import UnitOfWork, unit_of_work

CARD = "card"


async def place(db: Database, outbox: Outbox, order: Order) -> tuple[Priced, bool]:
    """Accept an order and say so, in one transaction; return its price, and whether it was new.

    Raises OrderRejected, InvalidInput, Conflict (another body, or placed in the other style), Unavailable.
    """
    method: str = order.payment.method
    if method != CARD:
        raise InvalidInput("payment.method", f"{method} needs a workflow that waits for it: place it orchestrated")
    async with unit_of_work(db) as unit:
        priced = await Orders(unit).accept(order)
        accepted_here = await _accepted_in(unit, order.order_id)
        if not accepted_here:
            if not await outbox.knows(unit, order.order_id):
                raise Conflict(f"{order.order_id}: is the id of an order that was not placed as choreographed")
            return priced, False
        await outbox.begin(unit, order.order_id, order.deadline_seconds)
        await outbox.append(unit, EventType.ORDER_PLACED, Facts(order=order, total=priced.total))
    return priced, True


async def _accepted_in(unit: UnitOfWork, order_id: str) -> bool:
    """Tell whether it was this transaction that accepted the order: then both have the same time."""
    record = await Orders(unit).find(order_id)
    now = await unit.row(b"select now()", {})
    return record is not None and now is not None and record.created_at == now[0]


async def complete(heard: Heard) -> Reply:
    """Settle stock and money: OrderCompleted."""
    await _close(heard, "completed")
    return EventType.ORDER_COMPLETED, heard.facts


async def fail(heard: Heard) -> Reply:
    """Keep that the order was undone: OrderFailed."""
    await _close(heard, "compensated")
    return EventType.ORDER_FAILED, heard.facts


async def _close(heard: Heard, outcome: Literal["completed", "compensated"]) -> None:
    unit, order_id = heard.unit, heard.facts.order.order_id
    payments, shipping = Payments(unit, heard.parties.provider), Shipping(unit, heard.parties.carrier)
    closing = Closing(unit, Inventory(unit), payments, shipping, Orders(unit))
    request = CompleteOrder(
        key=key(order_id, "complete"),
        order_id=order_id,
        outcome=outcome,
        reserve_key=key(order_id, "reserve"),
        charge_key=key(order_id, "charge"),
        ship_key=key(order_id, "ship"),
        reason=heard.facts.reason if outcome == "compensated" else "",
    )
    await closing.close(request)
