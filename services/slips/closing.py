"""Closing a routing slip: one transaction records its outcome and, unless it was undone, settles its effects."""

from messaging.idempotent_receiver.settlement import SettlingService
from models.activities.base import Closed
from models.activities.slips import CloseSlip
from models.errors import Final
from models.process import UNDONE
from postgres.database import Database
from services.slips.slips import Slips

# A slip that was never accepted can be closed as undone: a late accept is then refused.
_CLOSE = b"""
insert into slips.slips as held (slip_id, status, reason, closed_at)
values (%(slip_id)s, %(outcome)s, %(reason)s, now())
on conflict (slip_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null and held.body_hash = %(hash)s
returning slip_id
"""

# The outcomes with which the effects of a slip stay in force.
IN_FORCE = frozenset({"completed", "terminated"})


class SlipClosing:
    """Closes slips, each in one transaction over all services."""

    def __init__(self, db: Database, inventory: SettlingService, payments: SettlingService) -> None:
        self._db, self._inventory, self._payments = db, inventory, payments

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises Final (another outcome, or a step not done), Unavailable.
        """
        params = {
            "slip_id": request.slip_id,
            "hash": request.body_hash,
            "outcome": request.outcome,
            "reason": request.reason,
        }
        async with self._db.pipeline() as pipeline:
            # The slip's row is locked first, so that two closings queue there; the stock last, as for an order.
            newly = await (await pipeline.send(_CLOSE, params)).row()
            if newly and request.outcome in IN_FORCE:
                for key in request.charge_keys:
                    await (await self._payments.settle(pipeline, key)).end()
                for key in request.reserve_keys:
                    await (await self._inventory.settle(pipeline, key)).end()
        return Closed(outcome=request.outcome) if newly else await self._repeated(request)

    async def _repeated(self, request: CloseSlip) -> Closed:
        known = await Slips(self._db).find(request.slip_id)
        if known and known.body_hash not in {None, request.body_hash}:
            return Closed(outcome=request.outcome)  # the id is another slip's, so this slip never had an effect
        if known and known.status == request.outcome:
            return Closed(outcome=request.outcome)
        if known is None or not {known.status, request.outcome} <= UNDONE:
            raise Final(f"{request.slip_id}: is {known.status if known else 'unknown'}, not {request.outcome}")
        return Closed(outcome=known.status, reason=known.reason)
