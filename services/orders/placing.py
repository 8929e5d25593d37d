"""Placing a choreographed order: one transaction accepts the order and appends `OrderPlaced` to the outbox."""

from messaging.outbox.outbox import Outbox
from messaging.trace.trace import Trace
from models.choreography import EventData, EventType
from models.errors import InvalidInput
from models.order import Order
from models.process import Style
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.orders.orders import Orders
from services.orders.records import AcceptedOrder

CARD = "card"


class ChoreographedOrders:
    """Places choreographed orders, which have no workflow."""

    def __init__(self, db: Database, outbox: Outbox, trace: Trace) -> None:
        self._db, self._outbox, self._trace = db, outbox, trace

    async def place(self, order: Order) -> AcceptedOrder:
        """Accept an order and, if it is new, publish `OrderPlaced`.

        Raises OrderRejected, InvalidInput, Conflict (another body, or the orchestrated style), Unavailable.
        """
        method: str = order.payment.method
        if method != CARD:
            raise InvalidInput("payment.method", f"{method} needs a workflow that waits for it: place it orchestrated")
        async with unit_of_work(self._db) as unit:
            accepted = await Orders(unit).accept(order, Style.CHOREOGRAPHED)
            if accepted.new:
                await self._trace.begin(unit, order.order_id, order.deadline_seconds)
                data = EventData(order=order, total=accepted.total)
                await self._trace.note(unit, await self._outbox.append(unit, EventType.ORDER_PLACED, data))
        return accepted
