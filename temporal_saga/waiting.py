"""Steps with a pending answer: they wait for the external event that decides them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import call, end_line, from_data
from temporal_saga.declaration import Step, StepEvent, Wait
from temporal_saga.failures import DATA_ERRORS, Failure, FailureClass, classify
from temporal_saga.stopping import shortened, turn_back_if_stopped

if TYPE_CHECKING:
    from temporal_saga.run import Run


def event_objection(run: "Run[Any]", step: str) -> str | None:
    """Return why an event that decides a step can't be accepted any more, or None; an early event is accepted."""
    if run.ended or run.unwinding or run.stopped:
        return f"it came too late: the process is {run.status if run.unwinding or run.ended else 'stopping'}"
    if known := run.events.get(step):
        return f"{known.name} came first, and decided"
    return f"{step} no longer waits for an event" if run.pivoted else None


def accept_event(run: "Run[Any]", step: str, event: StepEvent) -> None:
    """Accept the event that decides a step, which may not have started yet; check `event_objection` first."""
    run.history.note(step, "event", event.name, event.detail)
    run.events[step] = event
    run.changed()


async def wait_for_event(run: "Run[Any]", step: Step[Any, Any]) -> Failure | None:
    """Wait for the deciding event if the step's answer is pending; return the failure, or None for success."""
    wait = step.wait
    if wait is None:
        return None
    try:
        if not from_data(lambda: wait.pending(run.answers[step.name])):
            return None
        if step.name not in run.events:
            turn_back_if_stopped(run)  # the step may have swallowed a cancel
            await _wait(run, step, wait, from_data(lambda: shortened(wait.within(run))))
    except FailureError as error:
        return _not_refused(step, error)
    event = run.events.get(step.name)
    if event is None:
        return Failure(step.name, FailureClass.UNKNOWN, "NoEvent", "no event came in time", 0)
    if event.settles:
        return await _settle(run, step, wait)
    return Failure(step.name, FailureClass.TRANSIENT, event.name, event.reason, 0)


async def _wait(run: "Run[Any]", step: Step[Any, Any], wait: Wait[Any, Any], within: timedelta) -> None:
    line = run.history.begin(step.name, "wait", wait.summary)
    run.waiting = step.name
    run.changed()
    try:
        await workflow.wait_condition(lambda: step.name in run.events, timeout=within, timeout_summary=wait.summary)
        line.status = "completed"
    except TimeoutError:
        line.status = "timed out"
    except asyncio.CancelledError:
        line.status, line.completed_at, run.waiting = "cancelled", workflow.now(), ""
        raise
    end_line(run, line)


async def _settle(run: "Run[Any]", step: Step[Any, Any], wait: Wait[Any, Any]) -> Failure | None:
    """Record a settling event with the step's participant; return the failure, or None for success."""
    try:
        run.answers[step.name] = await call(run, step.name, "settle", wait.settle)
    except FailureError as error:
        if not run.unwinding:
            turn_back_if_stopped(run)
        del run.events[step.name]
        return _not_refused(step, error)
    return None


def _not_refused(step: Step[Any, Any], error: FailureError) -> Failure:
    """Return the failure of a wait: the event was refused and not the step, so the step's undo must run."""
    return replace(classify(step.name, error), kind=FailureClass.TRANSIENT)


def _may_be_pending(wait: Wait[Any, Any], answer: Any) -> bool:
    """Return whether an answer is pending; so is one whose data don't tell, because a repeated settlement is right."""
    try:
        return answer is None or wait.pending(answer)
    except DATA_ERRORS:
        return True


async def settle_unused_events(run: "Run[Any]") -> None:
    """Record accepted events that the run did not use before it went back, and make their steps' undos pending."""
    for step in (*run.begun, *run.ahead):
        wait, event, answer = step.wait, run.events.get(step.name), run.answers.get(step.name)
        if wait and event and event.settles and _may_be_pending(wait, answer):
            if step not in run.pending_undos:
                run.pending_undos.append(step)
            await _settle(run, step, wait)
