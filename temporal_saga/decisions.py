"""Parked effects: they wait for an operator's decision, with one alert each, while the other effects go on.

The decisions: `retry` calls the activity again, `edit` with another request, `skip` means that the effect was settled
by hand, `waive` gives the effect up and the outcome is failed, `unwind` turns a run back that has not passed its pivot.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import FIRST_PAUSE, run_activity, summary_of
from temporal_saga.declaration import Call, Step
from temporal_saga.failures import DATA_ERRORS, Failure, StepFailed, classify, never_began
from temporal_saga.history import Direction, Execution

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass
class Parked:
    """An effect that waits for an operator: the step, the direction that failed, the failure and the request.

    `request` is None when the data allowed none. `at_risk` is the amount that the effect may cost, in the saga's own
    unit; `line` is its line of the history.
    `decision` is the operator's verb, None until then; `edited` is the request to send instead, with the verb `edit`.
    """

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
    """Return why a decision on a step can't be accepted now, or None."""
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
    if verb == "edit" and (not request or parked.request is None):
        return "edit needs the request to send instead" if parked.request else "the call has no request to edit"
    return None


def resolve(run: "Run[Any]", step: str, verb: str, audit: Any, edited: Any = None) -> None:
    """Accept an operator's decision on a parked step; `audit` is recorded in the history."""
    run.history.note(step, "resolve", verb, audit)
    run.parked[step].decision, run.parked[step].edited = verb, edited


def park(run: "Run[Any]", step: Step[Any, Any], direction: Direction, failure: Failure, request: Any) -> Parked:
    """Park an effect for an operator, and start its one alert."""
    line = run.history.last(step.name, direction)
    line.status = "parked"
    run.parked[step.name] = parked = Parked(step, direction, failure, request, risk_of(run, step), line)
    run.changed()
    if run.alert:
        key = f"{run.key(step.name)}:{direction}:{len(run.alerts)}"
        try:
            request = run.alert.request(run, key)
        except DATA_ERRORS:
            workflow.logger.exception("the data of a parked effect allow no alert")
        else:
            run.alerts.append(asyncio.create_task(_alert(run, run.alert, request)))
            run.alerted_at = workflow.now()
    return parked


async def _alert(run: "Run[Any]", alert: Call[Any, Any], request: Any) -> None:
    """Send an alert while the saga goes on; log an alert that the receiver never accepted."""
    summary, pause = summary_of(run, "an effect", "alert", alert), FIRST_PAUSE
    while True:
        try:
            await run_activity(alert, request, summary, alert.policy.express, first_pause=pause)
        except FailureError as error:
            if never_began(classify("alert", error), alert.policy.not_begun) and workflow.patched("alert-again"):
                await workflow.sleep(pause, summary="alert again, since nothing was begun")
                pause = min(2 * pause, alert.policy.longest_delay)
                continue
            workflow.logger.exception("the alert for a parked effect could not be sent")
        return


async def alerts_recorded(run: "Run[Any]") -> None:
    """Wait for the alerts that are on their way, but no longer than one attempt takes: nobody reached, nothing held.

    In that time the receiver records an alert. What it does not pass on, it passes on without this workflow.
    """
    running = [alert for alert in run.alerts if not alert.done()]
    if running and run.alert:
        left = run.alerted_at + run.alert.policy.timeout - workflow.now()
        if left > timedelta():
            await workflow.wait(running, timeout=left.total_seconds())


def risk_of(run: "Run[Any]", step: Step[Any, Any]) -> int:
    """Return what the effect of a step may cost; 0 when the data allow no request, because there is no effect then."""
    try:
        return step.at_risk(run)
    except DATA_ERRORS:
        return 0


async def decided(run: "Run[Any]", step: Step[Any, Any], failure: Failure, request: Any) -> tuple[bool, Any]:
    """Wait for an operator's decision on a do that failed; return whether to retry it, and with which request.

    Raises StepFailed when the decision is to unwind, and CancelledError when the run is stopped.
    """
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
    run.events.pop(step.name, None)  # a retried step waits for a new event
    return parked.decision not in {"skip", "waive"}, parked.edited or request


def unpark(run: "Run[Any]", parked: Parked) -> None:
    """Remove an effect from the parked ones, and record in the history whether it was skipped or waived."""
    del run.parked[parked.step.name]
    parked.line.status = {"skip": "skipped", "waive": "waived"}.get(parked.decision or "", "failed")
    if parked.line.status != "failed" and parked.step in run.pending_undos:
        run.pending_undos.remove(parked.step)
    if parked.decision == "waive":
        run.waived.append(parked.step.name)
    run.changed()
