"""Whether the reconciler's rounds fail."""

from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from client.advice import helps, temporal
from client.diagnosis.evidence import one_line
from client.diagnosis.findings import Cause, StuckProcess
from models.names import RECONCILER_SCHEDULE


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
