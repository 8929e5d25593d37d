"""Whether the reconciler's rounds fail, and when the next one recovers what is lost."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from client.advice import SET_UP, START_A_WORKER, helps, temporal
from client.diagnosis.causes import diagnose
from client.diagnosis.evidence import one_line, polls
from client.diagnosis.findings import Cause, StuckProcess
from models.moments import moment
from models.names import RECONCILER_SCHEDULE, TASK_QUEUE

# A worker without work polls again after a minute.
LONGEST_POLL = timedelta(seconds=80)
NO_SCHEDULE = f"no reconciler is scheduled; run: {SET_UP}"


async def failed_round(client: Client) -> StuckProcess | None:
    """Return why the last ended round of the reconciler failed, None when it did not; raise RPCError."""
    try:
        schedule = await client.get_schedule_handle(RECONCILER_SCHEDULE).describe()
        for taken in reversed(schedule.info.recent_actions):
            if not isinstance(taken.action, ScheduleActionExecutionStartWorkflow):
                continue
            run = client.get_workflow_handle(taken.action.workflow_id, run_id=taken.action.first_execution_run_id)
            described = await run.describe()
            if described.status is not WorkflowExecutionStatus.RUNNING:
                return await _why(client, run) if described.status is WorkflowExecutionStatus.FAILED else None
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return None


def next_round_now(client: Client) -> str:
    """Return the command that starts a round of the reconciler."""
    return temporal(client, "schedule", "trigger", "--schedule-id", RECONCILER_SCHEDULE)


async def next_round(client: Client) -> tuple[str, str]:
    """Return when the reconciler recovers what is lost, and the command that helps until then; raise RPCError."""
    try:
        described = await client.get_schedule_handle(RECONCILER_SCHEDULE).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return NO_SCHEDULE, SET_UP
        raise
    # While a round waits, another one does not begin.
    for round_ in described.info.running_actions:
        if isinstance(round_, ScheduleActionExecutionStartWorkflow):
            held = await diagnose(client, round_.workflow_id, "")
            if held and held.help_command and held.cause is not Cause.SILENT:
                return f"the reconciler's round makes no progress: {held.detail}", held.help_command
    polled = (await polls(client, TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW))[0]
    if polled is None or datetime.now(UTC) - polled > LONGEST_POLL:
        return f"no worker polls the task queue {TASK_QUEUE}, so no reconciler runs", START_A_WORKER
    times = described.info.next_action_times
    if described.schedule.state.paused or not times:
        return "the reconciler is paused", next_round_now(client)
    return f"the reconciler runs at {moment(times[0])}", next_round_now(client)


async def _why(client: Client, run: WorkflowHandle[object, object]) -> StuckProcess:
    try:
        await run.result()
        reason = ""
    except WorkflowFailureError as failed:
        cause: BaseException = failed.cause
        while isinstance(cause, FailureError) and cause.cause is not None:
            cause = cause.cause
        reason = one_line(str(cause))
    return StuckProcess(
        process_id=RECONCILER_SCHEDULE,
        cause=Cause.RECONCILER_FAILING,
        detail=f"the reconciler's last round failed: {reason}",
        failure=reason,
        **helps(next_round_now(client), first="once the cause is gone"),
    )
