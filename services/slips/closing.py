"""Closing a routing slip: its outcome and, when it stands, the sale of what its keys hold, all or nothing."""

from messaging.idempotent_receiver.settlement import SettlingService
from models.activities.base import Closed
from models.activities.slips import CloseSlip
from models.errors import Final
from models.process import UNDONE
from postgres.database import Database
from services.slips.slips import Slips

# A slip that was never accepted can still be closed as undone: a late accept then finds it closed.
_CLOSE = b"""
insert into slips.slips as held (slip_id, status, reason, closed_at)
values (%(slip_id)s, %(outcome)s, %(reason)s, now())
on conflict (slip_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null and held.body_hash = %(hash)s
returning slip_id
"""

STANDING = frozenset({"completed", "terminated"})


class SlipClosing:
    """Brings the services' last word on a slip into one transaction."""

    def __init__(self, db: Database, inventory: SettlingService, payments: SettlingService) -> None:
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
