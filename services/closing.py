"""Closing an order: its outcome and, when it was completed, the sale of what was pending, all or nothing."""

from models.process import Status
from models.steps import Closed, CompleteOrder
from services.database import Database, Pipeline
from services.inventory import Inventory
from services.orders import Orders
from services.payments import Payments
from services.receiver import Settling
from services.shipping import Shipping


class Closing:
    """Brings four services' last word on an order into one transaction."""

    def __init__(
        self, db: Database, inventory: Inventory, payments: Payments, shipping: Shipping, orders: Orders
    ) -> None:
        self._db = db
        self._inventory = inventory
        self._payments = payments
        self._shipping = shipping
        self._orders = orders

    async def close(self, request: CompleteOrder) -> Closed:
        """Record the outcome once, and answer with what stands, which is the first of two ways to be undone.

        Raises NotFound, Final (another outcome, or a step not done), Unavailable.
        """
        outcome = Status(request.outcome)
        async with self._db.pipeline() as pipeline:
            # The order's row first, so that two closings of one order queue there; the stock last, because
            # other orders wait for its rows.
            closing = await self._orders.close(pipeline, request.order_id, outcome, request.reason)
            settling = await self._settle(pipeline, request) if outcome is Status.COMPLETED else []
            stood = await closing.end()
            for each in settling:
                await each.end()
        if stood is None or stood.status is outcome:
            return Closed(outcome=request.outcome)
        return Closed(outcome=stood.status.value, reason=stood.reason)

    async def _settle(self, pipeline: Pipeline, request: CompleteOrder) -> list[Settling]:
        return [
            # First, as in an undo: no parcel of a completed order is ever taken back.
            *([await self._shipping.settle(pipeline, request.ship_key)] if request.ship_key else []),
            await self._payments.settle(pipeline, request.charge_key),
            await self._inventory.settle(pipeline, request.reserve_key),
        ]
