"""The forward path: one step or group after another; the undo of a step is pending before its do starts."""

import asyncio
from typing import TYPE_CHECKING, Any

from temporalio.exceptions import FailureError

from temporal_saga.calls import call, landed, request_or_none
from temporal_saga.decisions import decided
from temporal_saga.declaration import Kind, Step, side_by_side
from temporal_saga.failures import DATA_ERRORS, Failure, FailureClass, StepFailed, classify
from temporal_saga.stopping import StopReason, leave_if_evicted, turn_back_if_stopped, wait_to_end
from temporal_saga.together import all_ended
from temporal_saga.waiting import wait_for_event

if TYPE_CHECKING:
    from temporal_saga.run import Run


async def go_forward(run: "Run[Any]") -> bool:
    """Run the steps ahead; return whether all succeeded (False: the run must go back)."""
    while True:
        run.forward = asyncio.create_task(go_on(run))
        await wait_to_end(run, run.forward, run.deadline)
        try:
            run.forward.result()
        except StepFailed:
            return False
        except asyncio.CancelledError as cancelled:
            if run.pivoted:  # there is no way back: do again what has not ended
                run.begun = [step for step in run.begun if step not in run.doing]
                run.ahead[:0] = run.doing
                continue
            run.stopped = run.stopped or StopReason("cancelled", str(cancelled) or "a step was cancelled")
            return False
        return True


async def go_on(run: "Run[Any]") -> None:
    """Do the steps ahead, those of a group side by side; raise StepFailed or CancelledError to go back."""
    while run.ahead:
        turn_back_if_stopped(run)
        steps = next(side_by_side(run.ahead))
        run.begun += steps
        run.doing = list(steps)
        del run.ahead[: len(steps)]
        if len(steps) == 1:
            await do(run, steps[0])
        else:
            await all_ended(_member(run, step) for step in steps)
        run.doing = []
        for step in steps:
            _then(run, step)
        if steps[0].kind is Kind.PIVOT:  # no way back from here, also for a cancel that came while it ran
            run.pivoted, run.stopped = True, None
            run.pending_undos.clear()
    turn_back_if_stopped(run)


async def _member(run: "Run[Any]", step: Step[Any, Any]) -> None:
    await do(run, step)
    run.doing.remove(step)


def turn_forward(run: "Run[Any]", ahead: list[Step[Any, Any]]) -> None:
    """Take the way forward with these steps, from which there is no way back: what was done is final."""
    run.pivoted, run.unwinding = True, False
    run.stopped = run.failure = run.deadline = None
    run.pending_undos.clear()
    run.begun = [step for step in (*run.begun, *run.ahead) if step not in ahead]
    run.ahead[:] = ahead
    run.changed()


def _turn_back(run: "Run[Any]", failure: Failure) -> None:
    """Take the way back from behind the pivot, which was undone before any step after it had an effect."""
    run.failure, run.pivoted = failure, False
    run.pending_undos[:] = [step for step in run.begun if step.undo]


def _then(run: "Run[Any]", step: Step[Any, Any]) -> None:
    try:
        step.then(run)
    except DATA_ERRORS as problem:
        run.failure = Failure(step.name, FailureClass.TRANSIENT, "RevisionRefused", str(problem), 1)
        raise StepFailed(step.name) from problem


async def do(run: "Run[Any]", step: Step[Any, Any]) -> None:
    """Do one step, after adding its undo to the pending ones; raise StepFailed when the saga must go back."""
    if step.undo and not run.pivoted:
        run.pending_undos.append(step)
    again, request = True, None
    while again:
        if (failure := await _try(run, step, request) or await wait_for_event(run, step)) is None:
            return
        if run.pivoted and failure.type in step.do.policy.undone:
            _turn_back(run, failure)
            raise StepFailed(step.name)
        if not run.pivoted and (failure.kind is FailureClass.REFUSED or not step.parks):
            run.failure = failure
            if failure.kind is FailureClass.REFUSED and step.undo:
                run.pending_undos.remove(step)  # a refused effect did not happen and never will
            raise StepFailed(step.name)
        turn_back_if_stopped(run)  # the cancel may have come while the probe ran
        again, request = await decided(run, step, failure, request or request_or_none(run, step.name, step.do))


async def _try(run: "Run[Any]", step: Step[Any, Any], request: Any) -> Failure | None:
    """Call a step's do and, when its effect is unknown, its probe; return the failure, or None for success."""
    try:
        run.answers[step.name] = await call(run, step.name, "do", step.do, request)
    except (FailureError, asyncio.CancelledError) as error:
        leave_if_evicted()
        # Past the pivot there is no way back, so a cancel of the step by its own code is a failure of the step.
        if isinstance(error, asyncio.CancelledError) and not (run.overdue or run.pivoted):
            raise
        turn_back_if_stopped(run)
        failure = classify(step.name, error)
        found = failure.kind is FailureClass.UNKNOWN and await landed(run, step)
        return None if found else failure
    return None
