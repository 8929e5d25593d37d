"""Compensation: every pending undo runs in reverse order of start; a failed undo waits for an operator."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import call, request_or_none
from temporal_saga.decisions import park, unpark
from temporal_saga.declaration import Call, Step
from temporal_saga.failures import classify
from temporal_saga.stopping import leave_if_evicted
from temporal_saga.waiting import settle_unused_events

if TYPE_CHECKING:
    from temporal_saga.run import Run


async def compensate(run: "Run[Any]") -> None:
    """Run the pending undos and the saga's `close`; return when no effect is open."""
    await settle_unused_events(run)
    for step in reversed(run.pending_undos.copy()):
        if step.name not in run.parked:  # parked already by a compensation that was itself cancelled
            await _undo(run, step)
    while run.parked:
        await workflow.wait_condition(lambda: any(parked.decision for parked in run.parked.values()))
        for parked in [parked for parked in run.parked.values() if parked.decision]:
            unpark(run, parked)
            if parked.decision in {"retry", "edit"}:
                await _undo(run, parked.step, parked.edited or parked.request)
    if run.pending_undos:
        raise RuntimeError(f"{run.process}: an effect would be left open: {run.pending_undos}")
    # The reply is the recorded outcome: a lost workflow task may have recorded "compensated" before the cancel.
    run.closed = await call(run, "close", "close", run.saga.close)


async def _undo(run: "Run[Any]", step: Step[Any, Any], request: Any = None) -> None:
    undo = cast("Call[Any, Any]", step.undo)  # only steps with an undo are pending
    try:
        await call(run, step.name, "undo", undo, request)
    except (FailureError, asyncio.CancelledError) as error:
        leave_if_evicted()
        park(run, step, "undo", classify(step.name, error), request or request_or_none(run, step.name, undo))
    else:
        run.pending_undos.remove(step)
        run.undone.append(step.name)
