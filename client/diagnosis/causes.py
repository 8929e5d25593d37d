"""Why a process makes no progress, from Temporal's description of its run and from its own state."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, TaskQueueType
from temporalio.api.workflow.v1 import PendingActivityInfo, PendingWorkflowTaskInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from client.advice import START_A_WORKER, command, starter
from client.diagnosis import evidence
from client.diagnosis.evidence import at, one_line
from models import names
from models.base import Message
from models.moments import moment
from models.process import ProcessState, Status

# A polling worker takes a task at once; a task that waits longer than this was not taken.
NOT_TAKEN = timedelta(seconds=5)
PATIENCE = timedelta(seconds=3)


class Cause(StrEnum):
    """Why a process makes no progress."""

    NO_POLLER = "no_poller"
    WORKERS_BUSY = "workers_busy"
    TASK_FAILING = "task_failing"
    RETRYING = "retrying"
    PAUSED = "paused"
    PARKED = "parked"
    WAITING = "waiting"
    GONE = "gone"
    DEAD_LETTER = "dead_letter"
    SILENT = "silent"
    UNDELIVERED = "undelivered"
    RECONCILER_FAILING = "reconciler_failing"


class StuckProcess(Message):
    """A process without progress: the cause, since when, a command that helps, and `at_risk` in minor units."""

    process_id: str
    cause: Cause
    detail: str
    help: str
    since: datetime | None = None
    at_risk: int = 0


async def diagnose(client: Client, workflow_id: str, run_id: str) -> StuckProcess | None:
    """Return why a process makes no progress, None when it makes progress or has ended."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    )
    try:
        described = await client.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if described.workflow_execution_info.HasField("close_time"):
        return None
    if described.HasField("pending_workflow_task"):
        return await _task_not_done(client, described, described.pending_workflow_task)
    for pending in described.pending_activities:
        if found := await _activity_not_done(client, described, pending):
            return found
    return None if described.pending_activities else await _waiting(client, workflow_id, run_id)


async def _task_not_done(
    client: Client, described: DescribeWorkflowExecutionResponse, task: PendingWorkflowTaskInfo
) -> StuckProcess | None:
    workflow_id = described.workflow_execution_info.execution.workflow_id
    if task.attempt > 1 and (failure := await evidence.task_failure(client, described)):
        fix = "deploy a worker with the fix; see: "
        fix += command("temporal", "workflow", "show", "--workflow-id", workflow_id)
        if failure.lacks_search_attributes:
            fix = starter("setup")
        detail = f"the workflow task fails, attempt {task.attempt}: {failure.message}"
        return StuckProcess(process_id=workflow_id, cause=Cause.TASK_FAILING, detail=detail, help=fix, since=failure.at)
    scheduled = at(task.original_scheduled_time) or at(task.scheduled_time)
    if task.HasField("started_time") or scheduled is None:
        return None
    return await _not_taken(client, described, scheduled, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, "its workflow task")


async def _not_taken(
    client: Client,
    described: DescribeWorkflowExecutionResponse,
    scheduled: datetime,
    kind: "TaskQueueType.ValueType",
    what: str,
) -> StuckProcess | None:
    """Return NO_POLLER, or WORKERS_BUSY when a worker polled after the task was scheduled; None for a recent task."""
    if datetime.now(UTC) - scheduled < NOT_TAKEN:
        return None
    queue = described.execution_config.task_queue.name
    last, pollers = await evidence.polls(client, queue, kind)
    workflow_id = described.workflow_execution_info.execution.workflow_id
    if last is not None and last > scheduled:
        detail = f"{what} waits for a free worker on the task queue {queue}; pollers: {pollers}"
        fix = f"start more workers: {START_A_WORKER}"
        return StuckProcess(process_id=workflow_id, cause=Cause.WORKERS_BUSY, detail=detail, help=fix, since=scheduled)
    polled = f"; the last poll was at {moment(last)}" if last else ""
    detail = f"{what} waits, and no worker polls the task queue {queue}{polled}"
    return StuckProcess(
        process_id=workflow_id, cause=Cause.NO_POLLER, detail=detail, help=START_A_WORKER, since=scheduled
    )


async def _activity_not_done(
    client: Client, described: DescribeWorkflowExecutionResponse, pending: PendingActivityInfo
) -> StuckProcess | None:
    workflow_id = described.workflow_execution_info.execution.workflow_id
    name = pending.activity_type.name
    target = ("--workflow-id", workflow_id, "--activity-id", pending.activity_id)
    if pending.paused:
        detail = f"{name} is paused, after {pending.attempt} attempts"
        fix = command("temporal", "activity", "unpause", *target)
        return StuckProcess(process_id=workflow_id, cause=Cause.PAUSED, detail=detail, help=fix)
    if pending.attempt > 1 and pending.HasField("last_failure"):
        attempts = f"{pending.attempt} of {pending.maximum_attempts or 'any number'}"
        following = at(pending.next_attempt_schedule_time)
        when = f", next at {moment(following)}" if following else ", running now"
        since = await evidence.scheduled_at(client, described, pending.activity_id)
        detail = f"{name} is retried, attempt {attempts}{when}: {one_line(pending.last_failure.message)}"
        fix = f"once the cause is gone: {command('temporal', 'activity', 'reset', *target)}"
        return StuckProcess(process_id=workflow_id, cause=Cause.RETRYING, detail=detail, help=fix, since=since)
    scheduled = at(pending.scheduled_time)
    if scheduled and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        return await _not_taken(client, described, scheduled, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, name)
    return None


async def _waiting(client: Client, workflow_id: str, run_id: str) -> StuckProcess | None:
    """Return what a process without pending tasks waits for, from its query `state`; None when it has ended."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    look = command("temporal", "workflow", "describe", "--workflow-id", workflow_id)
    try:
        state: ProcessState = await handle.query("state", result_type=ProcessState, rpc_timeout=PATIENCE)
    except (RPCError, WorkflowQueryFailedError) as error:
        detail = f"no task is pending, and the query of its state failed: {one_line(str(error))}"
        return StuckProcess(process_id=workflow_id, cause=Cause.SILENT, detail=detail, help=START_A_WORKER)
    if state.status is Status.NEEDS_ATTENTION:
        return _parked(workflow_id, state)
    if state.status.final:
        return None
    if stalled := next((line for line in reversed(state.history) if line.status == "pending" and line.error), None):
        return StuckProcess(
            process_id=workflow_id,
            cause=Cause.RETRYING,
            detail=f"{stalled.step} ({stalled.direction}), {stalled.attempt} attempts: {one_line(stalled.error or '')}",
            help=f"nothing to do once the cause is gone: it is tried again by itself; {START_A_WORKER}",
            since=stalled.started_at,
        )
    detail = f"{state.status}; waits in the step {state.current_step}"
    fix = look
    if state.status is Status.WAITING:
        detail = f"waits for the event that decides the step {state.current_step}"
        fix = starter("event", names.name_of_workflow(workflow_id).argument, "--type", "TYPE", "--event-id", "ID")
    return StuckProcess(process_id=workflow_id, cause=Cause.WAITING, detail=detail, help=fix, since=state.updated_at)


def _parked(workflow_id: str, state: ProcessState) -> StuckProcess:
    lines = [line for line in state.history if line.status == "parked"]
    parked = "; ".join(f"{line.step} ({line.direction}): {line.error or ''}" for line in lines)
    process = names.name_of_workflow(workflow_id).argument
    return StuckProcess(
        process_id=workflow_id,
        cause=Cause.PARKED,
        detail=f"waits for an operator: {parked}",
        help=resolve_command(process, lines[0].step if lines else state.current_step),
        since=lines[0].completed_at if lines else state.updated_at,
    )


def resolve_command(process: str, step: str) -> str:
    """Return the command that retries a parked step; the operator adds a name and a reason."""
    return starter("resolve", process, step, "retry", "--actor", "NAME", "--reason", "TEXT")
