"""Closing a routing slip: records its outcome, once."""

from collections.abc import Callable, Mapping

from messaging.idempotent_receiver.settlement import Settlement
from models.activities.base import Closed
from models.activities.slips import CloseSlip
from models.errors import Final, NotFound
from models.names import key
from models.process import UNDONE
from postgres.connection import begun
from postgres.database import Database
from services.slips.slips import SlipRecord, Slips
from services.slips.statements import CLOSE
from services.slips.stops import WITH_EFFECT

# The outcomes with which the effects of a slip stay in force.
IN_FORCE = frozenset({"completed", "terminated"})


class SlipClosing:
    """Closes slips. `settlements`: activity → the settlement of its effects; `ended` is called with the process."""

    def __init__(
        self, db: Database, settlements: Mapping[str, Settlement], ended: Callable[[str], None] = lambda _: None
    ) -> None:
        self._db, self._slips, self._settlements, self._ended = db, Slips(db), settlements, ended

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises NotFound, Final (another outcome, or a step not done), Unavailable.
        """
        if request.outcome in IN_FORCE:
            await self._settle(request)
        params = {
            "slip_id": request.slip_id,
            "hash": request.body_hash,
            "outcome": request.outcome,
            "reason": request.reason,
        }
        with begun():
            newly = await self._db.row(CLOSE, params)
            known = None if newly else await self._slips.find(request.slip_id)
        self._ended(request.order_id)
        return Closed(outcome=request.outcome) if newly else _repeated(request, known)

    async def _settle(self, request: CloseSlip) -> None:
        """Settle the stops that the request names, the parcel first."""
        known = await self._slips.find(request.slip_id) if request.stops else None
        if known is None or known.closed_at is not None:
            return
        accepted = await self._slips.accepted(request.slip_id)
        steps = accepted.steps if accepted else {}
        if unknown := set(request.stops) - steps.keys():
            raise Final(f"{request.slip_id}: {', '.join(sorted(unknown))}: not a stop of it with an effect")
        for name in sorted(request.stops, key=lambda name: WITH_EFFECT.index(steps[name].activity)):
            await self._settlements[steps[name].activity](key(request.order_id, name), request.order_id)


def _repeated(request: CloseSlip, known: SlipRecord | None) -> Closed:
    if known is None:
        raise NotFound(f"{request.slip_id}: was never accepted, so it can't be {request.outcome}")
    if known.body_hash not in {None, request.body_hash}:
        return Closed(outcome=request.outcome)  # the id is another slip's, so this slip never had an effect
    if known.status == request.outcome:
        return Closed(outcome=request.outcome)
    if not {known.status, request.outcome} <= UNDONE:
        raise Final(f"{request.slip_id}: is {known.status}, not {request.outcome}")
    return Closed(outcome=known.status, reason=known.reason)
