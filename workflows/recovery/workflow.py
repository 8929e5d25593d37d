"""The recovery of a lost order: it has the order's workflow id, queries and updates."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga import RecoveredRun, classify
from workflows import policies
from workflows.order.events import decisive
from workflows.order.orders import VALIDATE
from workflows.order.payments import CHARGE
from workflows.order.workflow import ALERT, OrderWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.recovery import RecoveryActivities
    from models.activities.orders import Priced
    from models.names import RECOVERY_WORKFLOW
    from models.order import Order
    from models.process import OrderResult, Status
    from models.recovery import FailedRecovery, LostOrder

TIMEOUT = timedelta(seconds=10)


@workflow.defn(name=RECOVERY_WORKFLOW)
class RecoverOrderWorkflow(OrderWorkflow):
    """Complete an order whose workflow is lost if the carrier has the parcel; otherwise undo it."""

    @workflow.init
    def __init__(self, lost: LostOrder) -> None:
        super().__init__(lost.order)
        run: RecoveredRun[Order] = RecoveredRun(
            self._run.saga, lost.order.order_id, lost.order, changed=self._changed, alert=ALERT
        )
        run.cause, run.resolved = lost.cause, lost.resolved
        # The requests of the steps need the price, which this run does not validate again.
        run.answers[VALIDATE.name] = Priced(total=lost.total)
        if lost.event and CHARGE.name not in lost.resolved:
            # A transfer that arrived, by an event that the lost run accepted, is recorded and then refunded.
            self._events[lost.event.event_id] = lost.event
            run.events[CHARGE.name] = decisive(lost.event, run)
        self._run = run

    @workflow.run
    async def run(self, lost: LostOrder) -> OrderResult:  # type: ignore[override]
        """Return or raise as the order would; record a dead letter and fail as `RecoveryFailed` if no probe answers."""
        closed = await _execute(RecoveryActivities.read_outcome, lost.order, "is it still open?")
        if closed is not None:
            status = Status(closed.outcome)
            return OrderResult(order_id=lost.order.order_id, status=status, reason="closed before its recovery")
        try:
            return await super().run(lost.order)
        except ActivityError as error:
            failure = classify("recovery", error)
        failed = FailedRecovery(
            order=lost.order, cause=failure.text, attempts=failure.attempt or policies.UNDO.attempts
        )
        await _execute(RecoveryActivities.record_failed_recovery, failed, "leave it to a person")
        raise ApplicationError(failure.text, type="RecoveryFailed", non_retryable=True)


async def _execute(method: Any, argument: Any, summary: str) -> Any:
    """Run one of the recovery's own activities, without a limit of attempts."""
    return await workflow.execute_activity_method(method, argument, start_to_close_timeout=TIMEOUT, summary=summary)
