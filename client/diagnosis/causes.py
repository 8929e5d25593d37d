"""Why a process makes no progress, from Temporal's description of its run and from its own state."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, TaskQueueType
from temporalio.api.workflow.v1 import PendingActivityInfo, PendingWorkflowTaskInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from client.advice import SET_UP, helps, start_a_worker, temporal
from client.diagnosis import evidence
from client.diagnosis.evidence import at, one_line
from client.diagnosis.findings import Cause, StuckProcess
from client.diagnosis.waiting import step_of, waiting
from models.moments import moment
from models.names import STATUS_ATTRIBUTE
from models.participants import SERVICES
from models.process import Status

# A polling worker takes a task at once; a task that waits longer than this was not taken.
NOT_TAKEN = timedelta(seconds=5)
# As a search attribute is encoded.
NEEDS_ATTENTION = json.dumps(Status.NEEDS_ATTENTION).encode()


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
    # A person is needed, whatever else is retried, such as the alert that tells it.
    if described.pending_activities and _needs_attention(described):
        parked = await waiting(client, workflow_id, run_id)
        if parked and parked.cause is Cause.PARKED:
            return parked
    for pending in described.pending_activities:
        if found := await _activity_not_done(client, described, pending):
            return found
    return None if described.pending_activities else await waiting(client, workflow_id, run_id)


def _needs_attention(described: DescribeWorkflowExecutionResponse) -> bool:
    fields = described.workflow_execution_info.search_attributes.indexed_fields
    return STATUS_ATTRIBUTE in fields and fields[STATUS_ATTRIBUTE].data == NEEDS_ATTENTION


async def _task_not_done(
    client: Client, described: DescribeWorkflowExecutionResponse, task: PendingWorkflowTaskInfo
) -> StuckProcess | None:
    workflow_id = described.workflow_execution_info.execution.workflow_id
    if task.attempt > 1 and (failure := await evidence.task_failure(client, described)):
        show = temporal(client, "workflow", "show", "--detailed", "--workflow-id", workflow_id)
        fix = helps(show, first="deploy a worker with the fix; see")
        return StuckProcess(
            process_id=workflow_id,
            cause=Cause.TASK_FAILING,
            detail=f"the workflow task fails, attempt {task.attempt}: {failure.message}",
            failure=failure.message,
            since=failure.at,
            **(helps(SET_UP) if failure.lacks_search_attributes else fix),
        )
    scheduled = at(task.original_scheduled_time) or at(task.scheduled_time)
    if task.HasField("started_time") or scheduled is None:
        return None
    queue = Queue(described.execution_config.task_queue.name, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    return await _not_taken(client, workflow_id, scheduled, queue, "its workflow task")


@dataclass(frozen=True)
class Queue:
    """A task queue: its name and the kind of its tasks."""

    name: str
    kind: "TaskQueueType.ValueType"

    @property
    def described(self) -> str:
        """Return its name in a sentence; that of a service apart is the service's."""
        return f"the task queue {self.name}" + f" of the service {self.name}" * (self.name in SERVICES)


async def _not_taken(
    client: Client, workflow_id: str, scheduled: datetime, queue: Queue, what: str
) -> StuckProcess | None:
    """Return NO_POLLER, or WORKERS_BUSY when a worker polled after the task was scheduled; None for a recent task."""
    if datetime.now(UTC) - scheduled < NOT_TAKEN:
        return None
    last, pollers = await evidence.polls(client, queue.name, queue.kind)
    start = start_a_worker(queue.name)
    if last is not None and last > scheduled:
        detail = f"{what} waits for a free worker on {queue.described}; pollers: {pollers}"
        fix = helps(start, first="start more workers")
        return StuckProcess(process_id=workflow_id, cause=Cause.WORKERS_BUSY, detail=detail, since=scheduled, **fix)
    polled = f"; the last poll was at {moment(last)}" if last else ""
    detail = f"{what} waits, and no worker polls {queue.described}{polled}"
    return StuckProcess(process_id=workflow_id, cause=Cause.NO_POLLER, detail=detail, since=scheduled, **helps(start))


async def _activity_not_done(
    client: Client, described: DescribeWorkflowExecutionResponse, pending: PendingActivityInfo
) -> StuckProcess | None:
    workflow_id = described.workflow_execution_info.execution.workflow_id
    name = pending.activity_type.name
    target = ("--workflow-id", workflow_id, "--activity-id", pending.activity_id)
    if pending.paused:
        detail = f"{name} is paused, after {pending.attempt} attempts"
        fix = helps(temporal(client, "activity", "unpause", *target))
        return StuckProcess(process_id=workflow_id, cause=Cause.PAUSED, detail=detail, step=name, **fix)
    not_taken = await _activity_not_taken(client, described, pending)
    # A retry without a worker makes no attempt, whatever the last one failed for.
    if not_taken and not_taken.cause is Cause.NO_POLLER:
        return not_taken
    if pending.attempt > 1 and pending.HasField("last_failure"):
        attempts = f"{pending.attempt} of {pending.maximum_attempts or 'any number'}"
        following = at(pending.next_attempt_schedule_time)
        when = f", next at {moment(following)}" if following else ", running now"
        since = await evidence.scheduled_at(client, described, pending.activity_id)
        failure = one_line(pending.last_failure.message)
        step, direction = await step_of(client, described.workflow_execution_info.execution) or (name, None)
        return StuckProcess(
            process_id=workflow_id,
            cause=Cause.RETRYING,
            detail=f"{name} is retried, attempt {attempts}{when}: {failure}",
            step=step,
            direction=direction,
            failure=failure,
            since=since,
            **helps(temporal(client, "activity", "reset", *target), first="once the cause is gone"),
        )
    return not_taken


async def _activity_not_taken(
    client: Client, described: DescribeWorkflowExecutionResponse, pending: PendingActivityInfo
) -> StuckProcess | None:
    """Return why no worker has taken an activity that is due, None for one that isn't or that runs."""
    scheduled = at(pending.scheduled_time)
    if scheduled is None or pending.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        return None
    if datetime.now(UTC) - scheduled < NOT_TAKEN:
        return None
    # A service apart has a task queue of its own; also one that was apart when the activity was scheduled.
    name = await evidence.queue_of(client, described, pending)
    workflow_id = described.workflow_execution_info.execution.workflow_id
    queue = Queue(name, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
    return await _not_taken(client, workflow_id, scheduled, queue, pending.activity_type.name)
