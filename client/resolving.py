"""One decision on many parked steps: they are selected once, then resolved one after another."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Literal

from temporalio.service import RPCError

from client.commands import resolve
from client.connection import Connection
from client.diagnosis.evidence import one_line
from client.diagnosis.stuck import AT_RISK, OF_ONE_PROCESS, OPEN
from client.diagnosis.waiting import currency_of
from client.handles import Handle, handle_of
from client.progress import state_of
from client.settling import decision_done, parked_at, settled
from messaging.dead_letters.fingerprints import fingerprint_of
from models.base import Message
from models.commands import Resolve
from models.errors import Conflict, NotFound, Unavailable
from models.names import STATUS_ATTRIBUTE, name_of_workflow
from models.process import ProcessState

PARKED = f"{OPEN} AND {STATUS_ATTRIBUTE} = 'needs_attention'"
AT_ONCE = 1000
# When the first ones don't answer, no worker does.
UNANSWERED = 5
# The decisions that need no look at the single process; an edit and an unwind do.
VerbForMany = Literal["retry", "skip", "waive"]


class ParkedStep(Message):
    """A step that waits for an operator; `at_risk` is that of its process, in minor units of `currency`."""

    process_id: str
    step: str
    direction: str
    failure: str
    at_risk: int = 0
    currency: str | None = None


@dataclass(frozen=True)
class ParkedFilter:
    """Selects parked steps by name and, if set, by direction and by a text in the failure, in any case."""

    step: str
    direction: str | None = None
    failure_contains: str | None = None

    def fits(self, parked: ParkedStep) -> bool:
        """Return whether a parked step is selected."""
        text = (self.failure_contains or "").casefold()
        return (
            parked.step == self.step
            and self.direction in {None, parked.direction}
            and text in parked.failure.casefold()
        )


@dataclass(frozen=True)
class Selection:
    """The parked steps that a filter selects, the most at risk first.

    `beyond_limit` is how many more there are. `unread` are the parked processes that could not be examined, and
    `others` the parked steps, with their direction, that are not selected.
    """

    steps: list[ParkedStep]
    beyond_limit: int = 0
    unread: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class Effect(StrEnum):
    """What came of a decision."""

    RESOLVED = "resolved"
    IN_PROGRESS = "in_progress"
    CAME_BACK = "came_back"
    REFUSED = "refused"
    NOT_TRIED = "not_tried"


class Resolution(Message):
    """What came of one decision: the process, its status then, and why it did not help."""

    process_id: str
    step: str
    effect: Effect
    status: str | None = None
    reason: str | None = None


async def select(connection: Connection, chosen: ParkedFilter, limit: int = AT_ONCE) -> Selection:
    """Select up to `limit` parked steps, the most at risk first; raise Unavailable when no worker answers."""
    client, found, unread, read = await connection.temporal(), list[ParkedStep](), list[str](), 0
    async for run in client.list_workflows(PARKED):
        state = await _read(handle_of(name_of_workflow(run.id), client))
        if state:
            read += 1
            found += _parked(run.id, state, run.typed_search_attributes.get(AT_RISK, 0))
        else:
            unread.append(run.id)
        if not read and len(unread) == UNANSWERED:
            break
    if unread and not read:
        raise Unavailable("no worker answers; start a worker, then send the same command again")
    selected = [parked for parked in found if chosen.fits(parked)]
    selected.sort(key=lambda parked: (-parked.at_risk, parked.process_id))
    others = sorted({f"{parked.step} ({parked.direction})" for parked in found if not chosen.fits(parked)})
    return Selection(selected[:limit], len(selected[limit:]), tuple(unread), tuple(others))


async def _read(handle: Handle) -> ProcessState | None:
    """Return the state of a process, None when it can't be read: one process must not keep the others waiting."""
    try:
        return await state_of(handle)
    except RPCError as error:
        if error.status not in OF_ONE_PROCESS:
            raise
        return None


def _parked(process_id: str, state: ProcessState, at_risk: int) -> list[ParkedStep]:
    return [
        ParkedStep(
            process_id=process_id,
            step=line.step,
            direction=line.direction,
            failure=one_line(line.error or ""),
            at_risk=at_risk,
            currency=currency_of(state),
        )
        for line in state.history
        if line.status == "parked"
    ]


async def resolve_each(
    connection: Connection, selection: Sequence[ParkedStep], command: Resolve, seconds: float
) -> AsyncIterator[Resolution]:
    """Decide on each step and yield what came of it within `seconds`; raise Unavailable.

    Once a failure has come back, the others with the same failure are not tried.
    """
    hopeless = set[str]()
    for parked in selection:
        if _same(parked, parked.failure) in hopeless:
            why = "the same failure has come back"
            yield Resolution(process_id=parked.process_id, step=parked.step, effect=Effect.NOT_TRIED, reason=why)
            continue
        resolution = await _resolve(connection, parked, command, seconds)
        if resolution.effect is Effect.CAME_BACK:
            hopeless |= {_same(parked, resolution.reason or "")}
        yield resolution


async def _resolve(connection: Connection, parked: ParkedStep, command: Resolve, seconds: float) -> Resolution:
    name = name_of_workflow(parked.process_id)
    come = partial(Resolution, process_id=parked.process_id, step=parked.step)
    try:
        # Repeated, a decision has the same id, and so is taken once.
        accepted = await connection.outages.outlast(partial(resolve, name.path, command, connection))
    except (Conflict, NotFound) as refused:
        return come(effect=Effect.REFUSED, reason=str(refused))
    handle = handle_of(name, await connection.temporal())
    state = await settled(handle, seconds, parked.step, connection.outages)
    if state is None or not decision_done(state, parked.step):
        return come(effect=Effect.IN_PROGRESS, status=state.status if state else accepted.status)
    again = parked_at(state, parked.step)
    if again is None:
        return come(effect=Effect.RESOLVED, status=state.status)
    return come(effect=Effect.CAME_BACK, status=state.status, reason=one_line(again.error or ""))


def _same(parked: ParkedStep, failure: str) -> str:
    """Return the fingerprint of a failure, whatever ids and numbers are in its text."""
    return fingerprint_of(parked.step, parked.direction, failure, name_of_workflow(parked.process_id).id)
