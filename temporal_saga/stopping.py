"""Cancels and deadlines: they stop the forward path, and never interrupt compensation."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from temporalio import workflow

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass(frozen=True)
class StopReason:
    """Why a run stopped going forward: a cancel or its deadline, and the reason as text."""

    kind: Literal["cancelled", "deadline"]
    reason: str


async def wait_to_end(run: "Run[Any]", task: asyncio.Task[Any], deadline: datetime | None = None) -> None:
    """Wait until a task has ended, also when the workflow is cancelled: a closed workflow would abandon the task.

    A cancel, and the `deadline`, stop the run.
    """
    while not task.done():
        try:
            left = max(0.0, (deadline - workflow.now()).total_seconds()) if deadline else None
            _, pending = await workflow.wait([task], timeout=left)
            if pending:
                deadline = None
                run.stop("deadline", "the order took longer than its deadline")
        except asyncio.CancelledError:
            reason = workflow.cancellation_reason()
            if reason is None:  # not a cancel: the worker evicts this workflow from its cache
                raise
            # A reply that arrived together with the cancel is handled first: a lost workflow task may already have
            # acted on it, in a local activity. The SDK checks conditions after all other ready coroutines.
            await workflow.wait_condition(lambda: True)
            run.stop("cancelled", reason)


def turn_back_if_stopped(run: "Run[Any]") -> None:
    """Raise CancelledError in a stopped run: a step that succeeds in spite of the cancel swallows it."""
    if run.stopped:
        raise asyncio.CancelledError(run.stopped.reason)
