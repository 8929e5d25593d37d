"""Following a process to its end: its state while it runs, its result when it is done."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.handles import NO_WORKER, Handle
from models.process import OrderResult, ProcessState, Status
from models.slips.slip import SlipResult

PATIENCE = timedelta(seconds=2)
# A worker that drops its copy of a run loses the questions that wait there, and tells nobody: ask again after this.
ASK_AGAIN = 10.0
STANDS_STILL = {Status.NEEDS_ATTENTION, Status.WAITING}

Seen = Callable[[ProcessState | None], None]
R = TypeVar("R", OrderResult, SlipResult)
R_co = TypeVar("R_co", OrderResult, SlipResult, covariant=True)


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """How far a process came: its result, and its steps when a worker could still tell them."""

    result: R
    state: ProcessState | None = None


class FollowedRun(Protocol[R_co]):
    """A run that can be followed, and how its end is read."""

    @property
    def handle(self) -> Handle:
        """The handle on its workflow."""
        ...

    async def ended(self) -> R_co:
        """Wait for the end, and return the result."""
        ...

    def standing_still(self, state: ProcessState) -> R_co:
        """Return what is known of a process that waits for a person or an event."""
        ...


async def state_of(handle: Handle, patience: timedelta = PATIENCE) -> ProcessState | None:
    """Return the state of a run, or None when no worker answers in time."""
    until = time.monotonic() + patience.total_seconds()
    while (left := until - time.monotonic()) > 0:
        try:
            state: ProcessState = await handle.query(
                "state", result_type=ProcessState, rpc_timeout=timedelta(seconds=min(left, ASK_AGAIN))
            )
        except RPCError as error:
            if error.status not in NO_WORKER:
                raise
            if error.status is RPCStatusCode.FAILED_PRECONDITION:  # at once, and for as long as no worker polls
                break
        else:
            return state
    return None


async def follow(run: FollowedRun[R], seen: Seen, every: float = 0.1) -> Outcome[R]:
    """Wait until a process ends or waits for a person or an event.

    `seen` gets its state again and again, None while no worker answers.
    """
    ended = asyncio.create_task(run.ended())
    try:
        while not ended.done():
            state = await state_of(run.handle)
            seen(state)
            if state and state.status in STANDS_STILL:
                return Outcome(run.standing_still(state), state)
            await asyncio.wait({ended}, timeout=every)
        state = await state_of(run.handle)
        seen(state)
        return Outcome(_with_undone(await ended, state), state)
    finally:
        ended.cancel()


async def end_of(run: FollowedRun[R], every: float = 5.0) -> R:
    """Wait as `follow` does, with a look at the process only now and then: for many processes at once."""
    ended = asyncio.create_task(run.ended())
    try:
        while not (await asyncio.wait({ended}, timeout=every))[0]:
            # Patient: a query that is given up is still answered, and a busy worker has better things to do.
            state = await state_of(run.handle, timedelta(seconds=10))
            if state and state.status in STANDS_STILL:
                return run.standing_still(state)
        return await ended
    finally:
        ended.cancel()


def result_in(failure: WorkflowFailureError, failure_type: str, result: type[R]) -> R | None:
    """Return the result that a failed workflow carries in its details, None when it carries none."""
    cause = failure.cause
    details: Any = getattr(cause, "details", None)
    if isinstance(cause, ApplicationError) and cause.type != failure_type:
        return None
    return result.model_validate(details[0], strict=False) if details else None


def _with_undone(result: R, state: ProcessState | None) -> R:
    """A workflow that ends as Canceled returns nothing: what it undid stands in its steps."""
    if result.undone or result.status != Status.CANCELLED or state is None:
        return result
    undone = tuple(s.step for s in state.history if s.direction == "undo" and s.status == "completed")
    return result.model_copy(update={"undone": undone})
