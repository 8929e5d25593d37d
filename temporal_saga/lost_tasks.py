"""Workflow tasks that were lost: their local activities may have gone further than any history knows."""

from typing import TYPE_CHECKING, Any

from temporal_saga.calls import landed
from temporal_saga.declaration import Kind
from temporal_saga.failures import FailureClass

if TYPE_CHECKING:
    from temporal_saga.run import Run


async def pivot_was_lost(run: "Run[Any]") -> bool:
    """Tell whether a workflow task that was lost took the pivot.

    Then the way is forward again, to the answers that the participants kept. Else every undo that it may have made
    necessary is pending.
    """
    if run.failure and run.failure.kind is FailureClass.REFUSED:
        return False  # a refusal is kept under its key: no attempt came past it
    steps = [*run.begun, *run.ahead]
    pivot = next(number for number, step in enumerate(steps) if step.kind is Kind.PIVOT)
    if await landed(run, steps[pivot]):
        run.pivoted, run.stopped, run.failure, run.deadline = True, None, None, None
        run.begun.clear()
        run.pending_undos.clear()
        run.ahead[:] = steps
        return True
    run.pending_undos = [step for step in steps[: pivot + 1] if step.undo]
    return False
