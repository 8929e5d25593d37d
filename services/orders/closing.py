"""Closing an order: its outcome and, when it was completed, the sale of what was pending, all or nothing."""

from dataclasses import dataclass

from messaging.idempotent_receiver.settlement import Settlement, SettlingService
from models.activities.base import Closed
from models.activities.orders import CompleteOrder
from models.errors import Final, NotFound
from models.process import UNDONE, Status
from postgres.database import Database
from postgres.pipeline import Pipeline, Sent
from services.orders import statements
from services.orders.records import OrderRecord


class OrderClosing:
    """Brings the services' last word on an order into one transaction."""

    def __init__(
        self, db: Database, inventory: SettlingService, payments: SettlingService, shipping: SettlingService
    ) -> None:
        self._db, self._inventory, self._payments, self._shipping = db, inventory, payments, shipping

    async def close(self, request: CompleteOrder) -> Closed:
        """Record the outcome once, and answer with what stands, which is the first of two ways to be undone.

        Raises NotFound, Final (another outcome, or a step not done), Unavailable.
        """
        outcome = Status(request.outcome)
        params = {"order_id": request.order_id, "outcome": outcome.value, "reason": request.reason}
        async with self._db.pipeline() as pipeline:
            # The order's row first, so that two closings of one order queue there; the stock last, because
            # other orders wait for its rows.
            outcome_sent = await pipeline.send(statements.CLOSE, params)
            settling = await self._settle(pipeline, request) if outcome is Status.COMPLETED else []
            stood = await _Recording(pipeline, request.order_id, outcome, outcome_sent).end()
            for each in settling:
                await each.end()
        if stood is None or stood.status is outcome:
            return Closed(outcome=request.outcome)
        return Closed(outcome=stood.status.value, reason=stood.reason)

    async def _settle(self, pipeline: Pipeline, request: CompleteOrder) -> list[Settlement]:
        return [
            # First, as in an undo: no parcel of a completed order is ever taken back.
            await self._shipping.settle(pipeline, request.ship_key),
            await self._payments.settle(pipeline, request.charge_key),
            await self._inventory.settle(pipeline, request.reserve_key),
        ]


@dataclass(frozen=True)
class _Recording:
    """An outcome on its way into the orders table, in a transaction that ends well only when this does."""

    pipeline: Pipeline
    order_id: str
    outcome: Status
    sent: Sent

    async def end(self) -> OrderRecord | None:
        """Return once it stands; raise Final when another outcome does, NotFound.

        Cancelled and compensated are the same to the books: the first that was recorded stands, and is returned.
        """
        row = await self.sent.row()
        if row is not None:
            if row[0] is None and self.outcome is Status.COMPLETED:
                raise NotFound(f"{self.order_id}: was never accepted, so it can't be completed")
            return None
        found = await (await self.pipeline.send(statements.READ, {"order_id": self.order_id})).row()
        known = OrderRecord.of(found) if found else None
        if known is None or not (known.status == self.outcome or {known.status, self.outcome} <= UNDONE):
            raise Final(f"{self.order_id}: was closed as {known.status if known else 'unknown'}, not {self.outcome}")
        return known
