"""Follow a process to its end: its state while it runs, then its result."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.handles import NO_WORKER, Handle
from client.outages import Outages, is_outage, lacks_workflow
from models.names import STATUS_ATTRIBUTE
from models.process import OrderResult, ProcessState, Status
from models.slips.slip import SlipResult

PATIENCE = timedelta(seconds=2)
# Seconds until a query is repeated: a worker that evicts a run from its cache drops the pending queries silently.
ASK_AGAIN = 10.0
STANDS_STILL = {Status.NEEDS_ATTENTION, Status.WAITING}
# Seconds between two looks at a process of which only the end is wanted.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 1.0
# A run of another program or version: the query fails, or its answer is no ProcessState.
UNREADABLE = (WorkflowQueryFailedError, ValueError, TypeError, KeyError, RuntimeError)
_STATUS = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)

Seen = Callable[[ProcessState | None], None]
R = TypeVar("R", OrderResult, SlipResult)
R_co = TypeVar("R_co", OrderResult, SlipResult, covariant=True)


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """The result of a process, and its state when a worker answered the query."""

    result: R
    state: ProcessState | None = None


class FollowedRun(Protocol[R_co]):
    """A run that can be followed, and how its result is read."""

    @property
    def handle(self) -> Handle:
        """The handle on the workflow."""
        ...

    async def ended(self) -> R_co:
        """Wait for the end, and return the result."""
        ...

    async def without_workflow(self) -> R_co:
        """Return the recorded result when Temporal no longer has the run; raise WorkflowGone when there is none."""
        ...

    def standing_still(self, state: ProcessState) -> R_co:
        """Return the result so far of a process that waits."""
        ...


def where_it_waits(state: ProcessState) -> dict[str, Any]:
    """Return the fields of a result that say where a waiting process is: the step, and its error or what it awaits."""
    parked = next((line for line in state.history if line.status == "parked"), None)
    if parked:
        return {"failed_step": parked.step, "reason": parked.error}
    waits = [line for line in state.history if line.status == "pending" or line.direction == "wait"]
    return {"failed_step": state.current_step, "reason": waits[-1].summary if waits else None}


async def state_of(handle: Handle, patience: timedelta = PATIENCE) -> ProcessState | None:
    """Return the state of a run, or None when no worker answers in time, or its answer can't be read."""
    try:
        return await read_state(handle, patience)
    except UNREADABLE:
        return None


async def read_state(handle: Handle, patience: timedelta) -> ProcessState | None:
    """Return as `state_of`; raise one of UNREADABLE when the run fails the query, or its answer can't be read."""
    until = time.monotonic() + patience.total_seconds()
    while (left := until - time.monotonic()) > 0:
        try:
            state: ProcessState = await handle.query(
                "state", result_type=ProcessState, rpc_timeout=timedelta(seconds=min(left, ASK_AGAIN))
            )
        except RPCError as error:
            if error.status not in NO_WORKER or (error.status is RPCStatusCode.CANCELLED and is_outage(error)):
                raise
            if error.status is RPCStatusCode.FAILED_PRECONDITION:  # no worker polls: a retry fails at once, too
                break
        else:
            return state
    return None


async def follow(run: FollowedRun[R], seen: Seen, every: float = 0.1, outages: Outages | None = None) -> Outcome[R]:
    """Wait until a process has ended, or waits for an operator or an event; return its outcome.

    The state is queried every `every` seconds and passed to `seen`; it is None while no worker answers. Outlasts an
    outage of Temporal, as `outages` does. Raises WorkflowGone when the workflow was deleted and has no recorded result.
    """
    patient = outages or Outages()
    ended = asyncio.create_task(_ended(run, patient))
    try:
        while not ended.done():
            state = await _looked(run, patient, PATIENCE)
            seen(state)
            if state and state.status in STANDS_STILL and await _is_open(run.handle, patient):
                return Outcome(run.standing_still(state), state)
            await asyncio.wait({ended}, timeout=every)
        result = await ended
        state = await _looked(run, patient, PATIENCE)
        seen(state)
        return Outcome(_with_undone(result, state), state)
    finally:
        ended.cancel()


async def end_of(
    run: FollowedRun[R], seen: Seen = lambda _: None, every: float = 5.0, outages: Outages | None = None
) -> R:
    """Wait as `follow`, but query the state only every `every` seconds: for many processes at once."""
    patient = outages or Outages()
    ended = asyncio.create_task(_ended(run, patient))
    try:
        while not (await asyncio.wait({ended}, timeout=every))[0]:
            # A long timeout: a busy worker still answers a query after its caller has given up.
            state = await _looked(run, patient, timedelta(seconds=10))
            seen(state)
            if state and state.status in STANDS_STILL and await _is_open(run.handle, patient):
                return run.standing_still(state)
        return await ended
    finally:
        ended.cancel()


async def _ended(run: FollowedRun[R], outages: Outages) -> R:
    try:
        return await outages.outlast(run.ended)
    except RPCError as error:
        if not lacks_workflow(error):
            raise
    return await outages.outlast(run.without_workflow)


async def _looked(run: FollowedRun[R], outages: Outages, patience: timedelta) -> ProcessState | None:
    """Return the state, None when no worker answers or Temporal no longer has the run."""
    try:
        return await outages.outlast(partial(state_of, run.handle, patience))
    except RPCError as error:
        if not lacks_workflow(error):
            raise
        return None


async def end_within(run: FollowedRun[R], seconds: float, outages: Outages | None = None) -> R | None:
    """Wait as `end_of`, for at most `seconds`; return the result so far then, None when no worker answers.

    Temporal itself, and no worker, is asked whether the process stands still, after growing pauses.
    """
    patient = (outages or Outages()).within(seconds)
    ended, until, pause = asyncio.create_task(_ended(run, patient)), time.monotonic() + seconds, SHORTEST_PAUSE
    try:
        while not ended.done():
            left = until - time.monotonic()
            if left <= 0 or (pause > SHORTEST_PAUSE and await patient.outlast(partial(_stands_still, run.handle))):
                state = await _looked(run, patient, PATIENCE)
                so_far = state and (left <= 0 or state.status in STANDS_STILL) and not state.status.final
                if state and so_far and await _is_open(run.handle, patient):
                    return run.standing_still(state)
                if left <= 0 and state is None:
                    return None
            await asyncio.wait({ended}, timeout=min(pause, left) if left > 0 else LONGEST_PAUSE)
            pause = min(2 * pause, LONGEST_PAUSE)
        return await ended
    finally:
        ended.cancel()


async def _is_open(handle: Handle, outages: Outages) -> bool:
    """Return whether a run is open; the query of a terminated one still says that it waits."""
    try:
        described = await outages.outlast(handle.describe)
    except RPCError as error:
        if not lacks_workflow(error):
            raise
        return False
    return described.close_time is None


async def _stands_still(handle: Handle) -> bool:
    """Return whether a process waits for an operator or an event, by its search attribute."""
    described = await handle.describe()
    return described.typed_search_attributes.get(_STATUS) in STANDS_STILL


def result_in(failure: WorkflowFailureError, failure_type: str, result: type[R]) -> R | None:
    """Return the result in the details of a workflow's failure, None when there is none."""
    cause = failure.cause
    if not isinstance(cause, ApplicationError) or cause.type != failure_type:  # a terminate has details, too
        return None
    return result.model_validate(cause.details[0], strict=False) if cause.details else None


def _with_undone(result: R, state: ProcessState | None) -> R:
    """Add the undone steps to a cancelled result: a workflow that ends as Canceled returns no result."""
    if result.undone or result.status != Status.CANCELLED or state is None:
        return result
    return result.model_copy(update={"undone": undone_in(state)})


def undone_in(state: ProcessState) -> tuple[str, ...]:
    """Return the undone steps of a process, in order."""
    return tuple(step.step for step in state.history if step.direction == "undo" and step.status == "completed")
