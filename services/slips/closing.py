"""Closing a routing slip: one transaction records its outcome and settles its effects or, if undone, seals its keys."""

from collections.abc import Mapping

from messaging.idempotent_receiver.settlement import SettlingService
from models.activities.base import Closed
from models.activities.slips import CloseSlip
from models.errors import Final, NotFound
from models.names import key
from models.process import UNDONE
from postgres.database import Database
from postgres.pipeline import Pipeline
from services.slips.slips import Slips, accepted_of
from services.slips.statements import ACCEPTED, CLOSE
from services.slips.stops import WITH_EFFECT

# The outcomes with which the effects of a slip stay in force.
IN_FORCE = frozenset({"completed", "terminated"})


class SlipClosing:
    """Closes slips, each in one transaction over all services; `services`: activity → the service of its effects."""

    def __init__(self, db: Database, services: Mapping[str, SettlingService]) -> None:
        self._db, self._services = db, services

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises NotFound, Final (another outcome, or a step not done), Unavailable.
        """
        params = {
            "slip_id": request.slip_id,
            "hash": request.body_hash,
            "outcome": request.outcome,
            "reason": request.reason,
        }
        async with self._db.pipeline() as pipeline:
            # The slip's row is locked first, so that two closings queue there; the stock last, as for an order.
            newly = await (await pipeline.send(CLOSE, params)).row()
            if newly:
                await self._settle_or_seal(pipeline, request)
        return Closed(outcome=request.outcome) if newly else await self._repeated(request)

    async def _settle_or_seal(self, pipeline: Pipeline, request: CloseSlip) -> None:
        """Settle the request's stops, and seal all others: no stop of a closed slip begins any more.

        A stop with an effect that the request doesn't name is settled, too: a closing may be forged, and a completed
        slip has no effect that can still be undone.
        """
        found = await (await pipeline.send(ACCEPTED, {"slip_id": request.slip_id})).row()
        steps = accepted_of(request.slip_id, found).steps if found else {}
        settled = set(request.stops if request.outcome in IN_FORCE else ())
        if request.outcome in IN_FORCE and found is None:
            raise NotFound(f"{request.slip_id}: was never accepted, so it can't be {request.outcome}")
        if unknown := settled - steps.keys():
            raise Final(f"{request.slip_id}: {', '.join(sorted(unknown))}: not a stop of it with an effect")
        for name in sorted(steps, key=lambda name: WITH_EFFECT.index(steps[name].activity)):
            service, of_stop = self._services[steps[name].activity], key(request.order_id, name)
            if request.outcome not in IN_FORCE:
                await service.seal(pipeline, of_stop)
                continue
            settlement = await service.settle(pipeline, of_stop)
            if name in settled:
                await settlement.end()
            elif not await settlement.had_effect():
                await service.seal(pipeline, of_stop)

    async def _repeated(self, request: CloseSlip) -> Closed:
        known = await Slips(self._db).find(request.slip_id)
        if known and known.body_hash not in {None, request.body_hash}:
            return Closed(outcome=request.outcome)  # the id is another slip's, so this slip never had an effect
        if known and known.status == request.outcome:
            return Closed(outcome=request.outcome)
        if known is None or not {known.status, request.outcome} <= UNDONE:
            raise Final(f"{request.slip_id}: is {known.status if known else 'unknown'}, not {request.outcome}")
        return Closed(outcome=known.status, reason=known.reason)
