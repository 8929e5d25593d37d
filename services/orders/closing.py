"""Closing an order: one transaction records its outcome and, for a completed order, settles its pending effects."""

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
    """Closes orders, each in one transaction over all services."""

    def __init__(
        self, db: Database, inventory: SettlingService, payments: SettlingService, shipping: SettlingService
    ) -> None:
        self._db, self._inventory, self._payments, self._shipping = db, inventory, payments, shipping

    async def close(self, request: CompleteOrder) -> Closed:
        """Record the outcome once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises NotFound, Final (another outcome, or a step not done), Unavailable.
        """
        outcome = Status(request.outcome)
        params = {"order_id": request.order_id, "outcome": outcome.value, "reason": request.reason}
        async with self._db.pipeline() as pipeline:
            # The order's row is locked first, so that two closings of one order queue there; the stock last, because
            # other orders wait for its rows.
            outcome_sent = await pipeline.send(statements.CLOSE, params)
            settling = await self._settle(pipeline, request) if outcome is Status.COMPLETED else []
            known = await _Recording(pipeline, request.order_id, outcome, outcome_sent).end()
            for each in settling:
                await each.end()
        if known is None or known.status is outcome:
            return Closed(outcome=request.outcome)
        return Closed(outcome=known.status.value, reason=known.reason)

    async def _settle(self, pipeline: Pipeline, request: CompleteOrder) -> list[Settlement]:
        return [
            # Shipping first, as in the undos: no parcel of a completed order is ever recalled.
            await self._shipping.settle(pipeline, request.ship_key),
            await self._payments.settle(pipeline, request.charge_key),
            await self._inventory.settle(pipeline, request.reserve_key),
        ]


@dataclass(frozen=True)
class _Recording:
    """An outcome that was sent to the orders table; the caller must await `end` before its transaction commits."""

    pipeline: Pipeline
    order_id: str
    outcome: Status
    sent: Sent

    async def end(self) -> OrderRecord | None:
        """Return None when the outcome was recorded now, else the order's earlier record; raise NotFound, Final.

        Cancelled and compensated have the same effects, so either is accepted when the other is recorded.
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
