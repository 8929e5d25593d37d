"""Cancels and deadlines: they stop the forward path, and never interrupt compensation."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from temporalio import workflow

if TYPE_CHECKING:
    from temporal_saga.run import Run


T = TypeVar("T")
# The server counts a timer in nanoseconds of 64 bits, which are 292 years.
CENTURY = timedelta(days=36525)
REASON_AT_MOST = 1000


@dataclass(frozen=True)
class StopReason:
    """Why a run stopped going forward: a cancel or its deadline, and the reason as text."""

    kind: Literal["cancelled", "deadline"]
    reason: str


def reason_of(run: "Run[Any]") -> str:
    """Return why a run goes back, in one printable line of at most 1000 characters; empty if it doesn't."""
    why = ""
    if run.stopped:
        why = f"{run.stopped.kind}: {run.stopped.reason}"
    elif run.failure:
        why = f"{run.failure.step}: {run.failure.text}"
    # The reason of a native cancel is unchecked, and a database can't store NUL: closing would fail forever.
    return "".join(c if c.isprintable() else " " for c in why[:REASON_AT_MOST])


async def wait_to_end(run: "Run[Any]", task: asyncio.Task[Any], deadline: datetime | None = None) -> None:
    """Wait until a task has ended, also when the caller is cancelled: a closed workflow would abandon the task.

    A cancel, and the `deadline`, stop the run; see `Run.execute` for what becomes of the CancelledError.
    """
    while not task.done():
        try:
            left = shortened(deadline - workflow.now()).total_seconds() if deadline else None
            _, pending = await workflow.wait([task], timeout=left)
            if pending:
                deadline = None
                run.stop("deadline", "the order took longer than its deadline")
        except asyncio.CancelledError as cancelled:
            leave_if_evicted()
            reason = _keep(run, cancelled)
            await _others_first(run)
            run.stop("cancelled", reason)


async def finish(run: "Run[Any]", work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, also when the caller or the coroutine itself is cancelled; return its result."""
    while True:
        task = asyncio.create_task(work())
        await wait_to_end(run, task)
        if not task.cancelled():
            return task.result()


def shortened(span: timedelta) -> timedelta:
    """Return a time that a server's timer can have: at least 0, and at most a century."""
    return min(max(span, timedelta()), CENTURY)


def leave_if_evicted() -> None:
    """Raise the SDK's own exception while the worker evicts this workflow from its cache; otherwise do nothing.

    An eviction cancels every task with the same CancelledError as a cancel of the code does. It is the only time when
    the SDK refuses a deterministic random number to workflow code.
    """
    workflow.random()


async def _others_first(run: "Run[Any]") -> None:
    """Wait until all ready coroutines have run, also when more cancels arrive meanwhile.

    A reply that arrived together with the cancel is handled first: a lost workflow task may already have acted on it,
    in a local activity. The SDK checks conditions after all other ready coroutines.
    """
    while True:
        try:
            await workflow.wait_condition(lambda: True)
        except asyncio.CancelledError as another:
            leave_if_evicted()
            _keep(run, another)
        else:
            return


def _keep(run: "Run[Any]", cancelled: asyncio.CancelledError) -> str:
    """Keep the CancelledError for the caller, unless it is the workflow's own cancel request; return the reason."""
    requested = workflow.cancellation_reason()
    if requested is not None and not run.cancel_requested:
        run.cancel_requested = True
        return requested
    run.interrupted = run.interrupted or cancelled
    return str(cancelled) or "the code that runs the saga was cancelled"


def turn_back_if_stopped(run: "Run[Any]") -> None:
    """Raise CancelledError in a stopped run: a step that succeeds in spite of the cancel swallows it."""
    if run.stopped:
        raise asyncio.CancelledError(run.stopped.reason)
