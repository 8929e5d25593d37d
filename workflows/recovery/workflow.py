"""The recovery of a lost order: under the id of the order, with the same queries and updates as the order itself."""

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

LOOK = timedelta(seconds=10)


@workflow.defn(name=RECOVERY_WORKFLOW)
class RecoverOrderWorkflow(OrderWorkflow):
    """Bring an order whose workflow is gone to its end: complete what the carrier has, undo all else."""

    @workflow.init
    def __init__(self, lost: LostOrder) -> None:
        super().__init__(lost.order)
        run: RecoveredRun[Order] = RecoveredRun(
            self._run.saga, lost.order.order_id, lost.order, changed=self._changed, alert=ALERT
        )
        run.cause, run.resolved = lost.cause, lost.resolved
        # What the steps' requests are made of, as if this run had asked for it.
        run.answers[VALIDATE.name] = Priced(total=lost.total)
        if lost.event and CHARGE.name not in lost.resolved:
            # Money that has arrived, by an event that the lost run accepted, is booked before all is undone.
            self._events[lost.event.event_id] = lost.event
            run.events[CHARGE.name] = decisive(lost.event, run)
        self._run = run

    @workflow.run
    async def run(self, lost: LostOrder) -> OrderResult:  # type: ignore[override]
        """Return or raise as the order would; fail as `RecoveryFailed`, with a dead letter, where that is unknown."""
        closed = await _look(RecoveryActivities.read_outcome, lost.order, "is it still open?")
        if closed is not None:
            status = Status(closed.outcome)
            return OrderResult(order_id=lost.order.order_id, status=status, reason="it was closed meanwhile")
        try:
            return await super().run(lost.order)
        except ActivityError as error:
            failure = classify("recovery", error)
        failed = FailedRecovery(
            order=lost.order, cause=failure.text, attempts=failure.attempt or policies.UNDO.attempts
        )
        await _look(RecoveryActivities.record_failed_recovery, failed, "leave it to a person")
        raise ApplicationError(failure.text, type="RecoveryFailed", non_retryable=True)


async def _look(method: Any, argument: Any, summary: str) -> Any:
    """Run one of the recovery's own activities, for as long as it takes."""
    return await workflow.execute_activity_method(method, argument, start_to_close_timeout=LOOK, summary=summary)
