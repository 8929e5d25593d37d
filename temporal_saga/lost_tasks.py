"""Lost workflow tasks: their local activities may have done steps that the history does not contain."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import call, landed
from temporal_saga.declaration import Kind
from temporal_saga.failures import FailureClass

if TYPE_CHECKING:
    from temporal_saga.run import Run


async def pivot_was_lost(run: "Run[Any]") -> bool:
    """Return whether a lost workflow task did the pivot.

    If so, the run goes forward again from its first step, and the participants repeat their recorded answers. If not,
    the undo of every step up to the pivot becomes pending.
    """
    if run.failure and run.failure.kind is FailureClass.REFUSED:
        return False  # the refusal is recorded under its key, so no attempt passed that step
    steps = [*run.begun, *run.ahead]
    if not await _accepted(run, steps):
        return False
    pivot = next((number for number, step in enumerate(steps) if step.kind is Kind.PIVOT), None)
    if pivot is None:  # there is a way back from every step
        run.pending_undos = [step for step in steps if step.undo]
        return False
    if await landed(run, steps[pivot]):
        run.pivoted, run.stopped, run.failure, run.deadline = True, None, None, None
        run.begun.clear()
        run.pending_undos.clear()
        run.ahead[:] = steps
        return True
    run.pending_undos = [step for step in steps[: pivot + 1] if step.undo]
    return False


async def _accepted(run: "Run[Any]", steps: list[Any]) -> bool:
    """Repeat the steps before the first effect that have no answer: a participant undoes only what was accepted.

    Return False when such a step fails permanently: then no step had an effect, and none can have one later.
    """
    for step in steps:
        if step.has_effect:
            break
        if step.name in run.answers or not workflow.patched("accept-before-undo"):
            continue
        unlimited = replace(step.do, policy=replace(step.do.policy, attempts=0))
        try:
            run.answers[step.name] = await call(run, step.name, "probe", unlimited)
        except FailureError:
            return False
    return True
