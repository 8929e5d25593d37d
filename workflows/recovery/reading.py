"""What the recoveries of orders and slips share: they read the lost process, and report a recovery that failed."""

from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga import classify
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.recovering import RecoveringActivities
    from models.money import Money
    from models.recovery import FailedRecovery, RecoverProcess

# Reading takes longer than other calls: a history has many pages.
TIMEOUT = timedelta(seconds=30)


async def read_lost(method: Any, task: RecoverProcess) -> Any:
    """Return what an activity reads about a lost process, without a limit of attempts; raise ActivityError."""
    asked = RecoverProcess(process_id=task.process_id, run_id=task.run_id)
    return await _execute(method, asked, "read what is left of it")


async def fail(error: ActivityError, at_risk: Money | None = None) -> NoReturn:
    """Leave the process to an operator as a dead letter, and raise `RecoveryFailed`; `at_risk` as in FailedRecovery."""
    failure = classify("recovery", error)
    attempts = failure.attempt or policies.UNDO.attempts
    failed = FailedRecovery(cause=failure.text, attempts=attempts, at_risk=at_risk)
    await _execute(RecoveringActivities.record_failed_recovery, failed, "leave it to an operator")
    raise ApplicationError(failure.text, type="RecoveryFailed", non_retryable=True) from error


async def _execute(method: Any, argument: Any, summary: str) -> Any:
    return await workflow.execute_activity_method(method, argument, start_to_close_timeout=TIMEOUT, summary=summary)
