"""Cancels and deadlines: they stop the way forward, and never cut the way back short."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from temporalio import workflow

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass(frozen=True)
class StopReason:
    """Why a run stops going forward: a cancel, or its deadline."""

    kind: Literal["cancelled", "deadline"]
    reason: str


async def wait_to_end(run: "Run[Any]", task: asyncio.Task[Any], deadline: datetime | None = None) -> None:
    """Wait until a task has ended, whatever is cancelled meanwhile: a closed workflow would abandon it."""
    while not task.done():
        try:
            left = max(0.0, (deadline - workflow.now()).total_seconds()) if deadline else None
            _, pending = await workflow.wait([task], timeout=left)
            if pending:
                deadline = None
                run.stop("deadline", "the order took longer than its deadline")
        except asyncio.CancelledError:
            reason = workflow.cancellation_reason()
            if reason is None:  # not a cancel: the worker drops its copy of this workflow
                raise
            # An answer that came together with the cancel goes first: a workflow task that was lost may have acted
            # on it already, in a local activity. Conditions are looked at when nothing else is left to run.
            await workflow.wait_condition(lambda: True)
            run.stop("cancelled", reason)


def turn_back_if_stopped(run: "Run[Any]") -> None:
    """Raise CancelledError in a run that is stopped: a step that answers all the same hides the cancel from it."""
    if run.stopped:
        raise asyncio.CancelledError(run.stopped.reason)
