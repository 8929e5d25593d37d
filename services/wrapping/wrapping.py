"""Gift wrapping: records each wrapping with its paper, and each unwrapping."""

from messaging.idempotent_receiver.admission import AcceptedProcesses, Admission
from messaging.idempotent_receiver.receipts import receipts_of
from messaging.idempotent_receiver.receiver import Receiver
from models.activities.base import Settled
from models.activities.wrapping import SettleWrapping, UnwrapGift, Unwrapped, WrapGift, Wrapped
from models.errors import WrapRefused
from models.recovery import EffectReceipt
from postgres.database import Database

PAPERS = ("plain", "snow", "stars")

_WRAPPED = """,
work as (
  insert into wrapping.work (key, kind, paper) select key, 'wrap', answer ->> 'paper' from claim where status = 'done'
)
"""

_UNWRAPPED = """,
work as (
  insert into wrapping.work (key, kind, paper)
  select key, 'unwrap', answer ->> 'paper' from undone where status = 'undone' and undos = 1
)
"""

# The work is recorded permanently.
_IN_FORCE = """(exists (select from wrapping.work where key = %(key)s and kind = 'wrap')
  and not exists (select from wrapping.work where key = %(key)s and kind = 'unwrap'))"""

_RECEIVER = Receiver("wrapping", refused_as=WrapRefused, done=_WRAPPED, undone=_UNWRAPPED, in_force=_IN_FORCE)


class Wrapping:
    """Wraps and unwraps gifts."""

    def __init__(self, db: Database, processes: AcceptedProcesses) -> None:
        self._db, self._admission = db, Admission("wrap_gift", processes)

    async def wrap(self, request: WrapGift) -> Wrapped:
        """Wrap once; raise WrapRefused for an unknown paper, NotAccepted, KeyReused, AlreadyUndone, Unavailable."""
        if not await self._admission.do(request):
            return Wrapped.model_validate_json(await _RECEIVER.repeated(self._db, request))
        known = request.paper in PAPERS
        refusal = None if known else f"there is no paper {request.paper}, only {', '.join(PAPERS)}"
        answer = Wrapped(paper=request.paper).model_dump_json(exclude={"attempt"})
        return Wrapped.model_validate_json(await _RECEIVER.do(self._db, request, refusal=refusal, answer=answer))

    async def unwrap(self, request: UnwrapGift) -> Unwrapped:
        """Undo the key's wrapping, if there is one; raise NotAccepted, AlreadySettled, Unavailable."""
        await self._admission.undo(request)
        undone = await _RECEIVER.undo(self._db, request)
        if undone.answer is None or not undone.was_done:
            return Unwrapped()
        return Unwrapped(paper=Wrapped.model_validate_json(undone.answer).paper)

    async def settle(self, request: SettleWrapping) -> Settled:
        """Make the key's wrapping final; raise NotAccepted, NotFound, Final, Unavailable."""
        await self._admission.settle(request)
        await _RECEIVER.settle(self._db, request)
        return Settled()

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first; `process` is its name in keys; raise Unavailable."""
        return await receipts_of(self._db, "wrapping", process, None)
