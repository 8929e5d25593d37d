"""Closing an order: records its outcome, once."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from messaging.idempotent_receiver.settlement import Settlement
from models.activities.base import Closed
from models.activities.orders import CompleteOrder
from models.errors import Conflict, Final, NotFound
from models.names import key
from models.process import UNDONE, Status, Style
from postgres.connection import begun
from postgres.database import Database
from services.orders import statements
from services.orders.records import OrderRecord

_DONE = Status.COMPLETED


class OrderClosing:
    """Closes orders. `settlements`: (step, its settlement), the parcel's first; `ended` is called with the order id."""

    def __init__(
        self, db: Database, settlements: Iterable[tuple[str, Settlement]], ended: Callable[[str], None] = lambda _: None
    ) -> None:
        self._db, self._settlements, self._ended = db, tuple(settlements), ended

    async def close(self, request: CompleteOrder, style: Style = Style.ORCHESTRATED) -> Closed:
        """Record the outcome of an order of this style once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises NotFound, Conflict (another body or style), Final (another outcome, or a step not done), Unavailable.
        """
        outcome = Status(request.outcome)
        if outcome is _DONE and not request.settled:
            await self._settle(request.order_id)
        params = {
            "order_id": request.order_id,
            "hash": request.body_hash,
            "outcome": outcome.value,
            "reason": request.reason,
            "style": style.value,
        }
        with begun():
            closed = await self._db.row(statements.CLOSE, params)
            known = None if closed else await self._known(request, outcome, style)
        self._ended(request.order_id)
        if known is None or known.status is outcome:
            return Closed(outcome=request.outcome)
        return Closed(outcome=known.status.value, reason=known.reason)

    async def _settle(self, order_id: str) -> None:
        known = await self._read(order_id)
        if known and known.closed_at is None:
            for step, settle in self._settlements:
                await settle(key(order_id, step), order_id)

    async def _known(self, request: CompleteOrder, outcome: Status, style: Style) -> OrderRecord:
        """Return the record of an order that was closed before; raise NotFound, Conflict, Final.

        Cancelled and compensated have the same effects, so either is accepted when the other is recorded.
        """
        order_id, known = request.order_id, await self._read(request.order_id)
        if known is None:
            raise NotFound(f"{order_id}: was never accepted, so it can't be completed")
        if known.body_hash not in {None, request.body_hash} or (known.body_hash and known.style is not style):
            if outcome is _DONE:
                raise Conflict(f"{order_id}: is the id of another order, so it can't be completed")
            return replace(known, status=outcome)  # the id is another order's, so this order never had an effect
        if not (known.status == outcome or {known.status, outcome} <= UNDONE):
            raise Final(f"{order_id}: was closed as {known.status}, not {outcome}")
        return known

    async def _read(self, order_id: str) -> OrderRecord | None:
        row = await self._db.row(statements.READ, {"order_id": order_id})
        return OrderRecord.of(row) if row else None
