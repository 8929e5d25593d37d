"""Effects that wait for a person: set aside while the others go on, alerted once, decided by name and reason."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import run_activity
from temporal_saga.declaration import Call, Step
from temporal_saga.failures import Failure, StepFailed
from temporal_saga.history import Direction, Execution

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass
class Parked:
    """An effect that waits for a person: what failed, what it may cost, and the decision once there is one."""

    step: Step[Any, Any]
    direction: Direction
    failure: Failure
    request: Any
    at_risk: int
    line: Execution
    decision: str | None = None
    edited: Any = None


def decision_objection(
    run: "Run[Any]", step: str, verb: str, *, evidence: bool = False, request: bool = False
) -> str | None:
    """Return why a decision on a step can't be taken now, or None."""
    parked = run.parked.get(step)
    if parked is None:
        return f"{step} is not parked"
    if parked.decision:
        return f"{step} is being resolved already: {parked.decision}"
    back = parked.direction == "do" and not run.pivoted
    verbs = ("retry", "edit", "unwind") if back else ("retry", "edit", "skip", "waive")
    if verb not in verbs:
        return f"{verb} is not possible for {step}; possible are {', '.join(verbs)}"
    if verb == "skip" and not evidence:
        return "skip needs evidence that the effect was settled by hand"
    if verb == "edit" and not request:
        return "edit needs the request to send instead"
    return None


def resolve(run: "Run[Any]", step: str, verb: str, audit: Any, edited: Any = None) -> None:
    """Take a person's decision on a parked step, with who and why for the history; ask for an objection first."""
    run.history.note(step, "resolve", verb, audit)
    run.parked[step].decision, run.parked[step].edited = verb, edited


def park(run: "Run[Any]", step: Step[Any, Any], direction: Direction, failure: Failure, request: Any) -> Parked:
    """Have an effect wait for a person, and alert people once."""
    line = run.history.last(step.name, direction)
    line.status = "parked"
    run.parked[step.name] = parked = Parked(step, direction, failure, request, step.at_risk(run), line)
    run.changed()
    if run.alert:
        key = f"{run.key(step.name)}:{direction}:{len(run.alerts)}"
        run.alerts.append(asyncio.create_task(_alert(run, run.alert, run.alert.request(run, key))))
    return parked


async def _alert(run: "Run[Any]", alert: Call[Any, Any], request: Any) -> None:
    """Alert people while the saga goes on; a receiver that can't be reached doesn't hold it up for ever."""
    try:
        await run_activity(alert, request, alert.summary(run), alert.policy.express)
    except FailureError:
        workflow.logger.exception("the alert of an effect that waits for a person could not be sent")


async def decided(run: "Run[Any]", step: Step[Any, Any], failure: Failure, request: Any) -> Any:
    """Wait for a person on a step that can't go forward; return the request to try again, or None to go on."""
    parked = park(run, step, "do", failure, request)
    try:
        await workflow.wait_condition(lambda: parked.decision is not None)
    except asyncio.CancelledError:
        unpark(run, parked)
        raise
    unpark(run, parked)
    if parked.decision in {"unwind", "waive"}:
        run.failure = failure
    if parked.decision == "unwind":
        raise StepFailed(step.name)
    run.events.pop(step.name, None)  # tried again, it waits for another
    return None if parked.decision in {"skip", "waive"} else parked.edited or request


def unpark(run: "Run[Any]", parked: Parked) -> None:
    """Take an effect off the work list; what was skipped or waived is no longer open, and the history says so."""
    del run.parked[parked.step.name]
    parked.line.status = {"skip": "skipped", "waive": "waived"}.get(parked.decision or "", "failed")
    if parked.line.status != "failed" and parked.step in run.pending_undos:
        run.pending_undos.remove(parked.step)
    if parked.decision == "waive":
        run.waived.append(parked.step.name)
    run.changed()
