"""What a process without pending tasks waits for: an operator, an event, a review, a time, or the next attempt."""

from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from client.advice import CAUSE_FIXED, START_A_WORKER, helps, starter, temporal
from client.diagnosis.evidence import one_line
from client.diagnosis.findings import Cause, StuckProcess
from client.handles import NO_WORKER
from models import names
from models.external_events import FAILED, SETTLED
from models.names import ProcessName
from models.process import ProcessState, Status, StepExecution

PATIENCE = timedelta(seconds=3)
# The activities of a slip's stops that wait inside the workflow.
REVIEW, RELEASE = "review", "await_release"


async def _state(client: Client, workflow_id: str, run_id: str) -> ProcessState:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    state: ProcessState = await handle.query("state", result_type=ProcessState, rpc_timeout=PATIENCE)
    return state


async def step_of(client: Client, run: WorkflowExecution) -> tuple[str, str] | None:
    """Return the step and the direction that a run is at, None when no worker answers."""
    try:
        state = await _state(client, run.workflow_id, run.run_id)
    except (RPCError, WorkflowQueryFailedError):
        return None
    pending = [line for line in state.history if line.status == "pending"]
    return (pending[-1].step, pending[-1].direction) if pending else None


async def waiting(client: Client, workflow_id: str, run_id: str) -> StuckProcess | None:
    """Return what a process without pending tasks waits for, from its query `state`; None when it has ended."""
    try:
        state = await _state(client, workflow_id, run_id)
    except (RPCError, WorkflowQueryFailedError) as error:
        detail = f"no task is pending, and the query of its state failed: {one_line(str(error))}"
        # One text for all ways in which a server says that no worker is there.
        away = isinstance(error, RPCError) and error.status in NO_WORKER
        failure = "no worker answers the query of its state" if away else one_line(str(error))
        fix = helps(START_A_WORKER)
        return StuckProcess(process_id=workflow_id, cause=Cause.SILENT, detail=detail, failure=failure, **fix)
    if state.status is Status.NEEDS_ATTENTION:
        return _parked(workflow_id, state)
    if state.status.final:
        return None
    if stalled := next((line for line in reversed(state.history) if line.status == "pending" and line.error), None):
        failure = one_line(stalled.error or "")
        return _standing(
            workflow_id,
            state,
            stalled,
            cause=Cause.RETRYING,
            detail=f"{stalled.step} ({stalled.direction}), {stalled.attempt} attempts: {failure}",
            failure=failure,
            **helps(first="nothing to do once the cause is gone: it is tried again by itself"),
        )
    line = next((line for line in reversed(state.history) if line.status == "pending"), None)
    return _standing(workflow_id, state, line, cause=Cause.WAITING, **_awaited(client, workflow_id, state, line))


def _standing(workflow_id: str, state: ProcessState, line: StepExecution | None, **known: Any) -> StuckProcess:
    where: dict[str, Any] = {"step": line.step, "direction": line.direction} if line else {"step": state.current_step}
    since = line.started_at if line else state.updated_at
    return StuckProcess(process_id=workflow_id, since=since, **where, **known)


def _awaited(client: Client, workflow_id: str, state: ProcessState, line: StepExecution | None) -> dict[str, Any]:
    """Return the detail and the help of a process that waits without a failure."""
    if state.status is not Status.WAITING:
        look = temporal(client, "workflow", "describe", "--workflow-id", workflow_id)
        return {"detail": f"{state.status}; waits in the step {state.current_step}", **helps(look)}
    process, step = names.name_of_workflow(workflow_id).argument, line.step if line else state.current_step
    activity = _activities(state).get(step)
    if activity == REVIEW:
        verdicts = [_review(process, step, *verdict) for verdict in (("approve", "reviewed"), ("reject", "refused"))]
        return {"detail": f"waits for a person's review at the stop {step}", **helps(*verdicts, first="decide")}
    if activity == RELEASE:
        until = line.summary if line else "wait until its release"
        text = f"nothing to do: it goes on by itself ({until})"
        return {"detail": f"waits for a time at the stop {step}: {until}", **helps(first=text)}
    shown = starter("status", process)
    if names.name_of_workflow(workflow_id).kind is names.ProcessKind.SLIP:  # only orders take events
        return {"detail": f"waits at the stop {step}", **helps(shown)}
    events = [_event(process, kind) for kind in (SETTLED, FAILED)]
    text = "nothing to do until the result is known; then report it, as in the alternatives; see"
    return {
        "detail": f"waits for the event that decides the step {step}",
        **helps(shown, *events, first=text),
    }


def _activities(state: ProcessState) -> dict[str, str]:
    """Return the activity of each stop of a slip, inserted ones included; empty for an order."""
    stops = state.data.get("itinerary", [])
    return {stop["name"]: stop["activity"] for stop in stops}


def _review(process: str, stop: str, verdict: str, reason: str) -> str:
    return starter("review", process, stop, "--verdict", verdict, "--reason", reason)


def _event(process: str, kind: str) -> str:
    # An event id that is derived from the process makes the copied command harmless when it is run twice.
    event_id = f"{kind.replace('_', '-')}-{process.rpartition('/')[2]}"[:64]
    return starter("event", process, "--type", kind, "--event-id", event_id)


def _parked(workflow_id: str, state: ProcessState) -> StuckProcess:
    lines = [line for line in state.history if line.status == "parked"]
    process = names.name_of_workflow(workflow_id).argument
    first = lines[0] if lines else None
    steps = dict.fromkeys(line.step for line in lines) or {state.current_step: None}
    retries = [resolve_command(process, step) for step in steps]
    return StuckProcess(
        process_id=workflow_id,
        cause=Cause.PARKED,
        detail="waits for an operator: " + "; ".join(f"{at.step} ({at.direction}): {at.error or ''}" for at in lines),
        step=first.step if first else state.current_step,
        direction=first.direction if first else None,
        failure=one_line(first.error or "") if first else None,
        since=first.completed_at if first else state.updated_at,
        currency=currency_of(state),
        **helps(*retries),
    )


def help_of(name: ProcessName, state: ProcessState) -> str | None:
    """Return the command that retries the first parked step of a process, None when no step is parked."""
    parked = next((line.step for line in state.history if line.status == "parked"), None)
    return resolve_command(name.argument, parked) if parked else None


def currency_of(state: ProcessState) -> str | None:
    """Return the currency of an order or a slip, None when its state has none."""
    known = state.data.get("order", state.data).get("currency")
    return known if isinstance(known, str) else None


def resolve_command(process: str, step: str) -> str:
    """Return the command that retries a parked step."""
    return starter("resolve", process, step, "retry", "--reason", CAUSE_FIXED)
