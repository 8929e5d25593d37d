"""Routing slips and how they ended; closing one sells what its keys hold, all or nothing."""

from dataclasses import dataclass
from datetime import datetime

from models.errors import AlreadyUndone, Conflict, Final
from models.slip import RoutingSlip
from models.slip_steps import CloseSlip, SlipAccepted
from models.steps import Closed
from services.database import Database
from services.inventory import Inventory
from services.orders import UNDONE
from services.payments import Payments

_ACCEPT = b"""
insert into slips.slips (slip_id, body, body_hash, status)
values (%(slip_id)s, %(body)s::jsonb, %(hash)s, 'running')
on conflict (slip_id) do nothing returning slip_id
"""

# A slip that was never accepted can still be closed as undone: a late accept then finds it closed.
_CLOSE = b"""
insert into slips.slips as held (slip_id, status, reason, closed_at)
values (%(slip_id)s, %(outcome)s, %(reason)s, now())
on conflict (slip_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null and held.body_hash = %(hash)s
returning slip_id
"""

_READ = b"""
select slip_id, status, reason, body_hash, created_at, closed_at, body is not null and not body ? 'itinerary'
from slips.slips where slip_id = %(slip_id)s
"""

STANDING = frozenset({"completed", "terminated"})


@dataclass(frozen=True)
class SlipRecord:
    """What the table says of a slip; body_hash is None when it was closed before it came.

    One that was pruned has no receipts any more.
    """

    slip_id: str
    status: str
    reason: str
    body_hash: str | None
    created_at: datetime
    closed_at: datetime | None
    pruned: bool


class Slips:
    """Remembers slips by their id."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def accept(self, slip: RoutingSlip, *, to_run: bool = False) -> SlipAccepted:
        """Take the slip once; one that is `to_run` must not have been pruned.

        Raises Conflict when its id is another slip's, AlreadyUndone, Final, Unavailable.
        """
        params = {"slip_id": slip.slip_id, "body": slip.model_dump_json(), "hash": slip.body_hash()}
        if await self._db.row(_ACCEPT, params):
            return SlipAccepted(new=True)
        known = await self.find(slip.slip_id)
        if known is not None and known.body_hash is None:
            raise AlreadyUndone(f"{slip.slip_id}: was closed as {known.status} before it came")
        if to_run and known and known.pruned:
            raise Final(f"{slip.slip_id}: ended long ago as {known.status} and was pruned")
        if known is None or known.body_hash != slip.body_hash():
            raise Conflict(f"{slip.slip_id}: is the id of another slip")
        return SlipAccepted(new=False)

    async def find(self, slip_id: str) -> SlipRecord | None:
        """Return what is known of a slip, None when it never came."""
        row = await self._db.row(_READ, {"slip_id": slip_id})
        return SlipRecord(*row) if row else None


class SlipClosing:
    """Brings the services' last word on a slip into one transaction."""

    def __init__(self, db: Database, inventory: Inventory, payments: Payments) -> None:
        self._db, self._inventory, self._payments = db, inventory, payments

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and answer with what stands, which is the first of two ways to be undone.

        Raises Final (another outcome, or a step not done), Unavailable.
        """
        params = {
            "slip_id": request.slip_id,
            "hash": request.body_hash,
            "outcome": request.outcome,
            "reason": request.reason,
        }
        async with self._db.pipeline() as pipeline:
            # The slip's row first, so that two closings of one slip queue there; the stock last, as with an order.
            newly = await (await pipeline.send(_CLOSE, params)).row()
            if newly and request.outcome in STANDING:
                for key in request.charge_keys:
                    await (await self._payments.settle(pipeline, key)).end()
                for key in request.reserve_keys:
                    await (await self._inventory.settle(pipeline, key)).end()
        return Closed(outcome=request.outcome) if newly else await self._repeated(request)

    async def _repeated(self, request: CloseSlip) -> Closed:
        known = await Slips(self._db).find(request.slip_id)
        if known and known.body_hash not in {None, request.body_hash}:
            return Closed(outcome=request.outcome)  # the id is another slip's: nothing of this one was ever begun
        if known and known.status == request.outcome:
            return Closed(outcome=request.outcome)
        if known is None or not {known.status, request.outcome} <= UNDONE:
            raise Final(f"{request.slip_id}: is {known.status if known else 'unknown'}, not {request.outcome}")
        return Closed(outcome=known.status, reason=known.reason)
