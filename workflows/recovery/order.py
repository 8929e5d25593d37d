"""The recovery of a lost order: it has the order's workflow id, queries and updates."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga import RecoveredRun
from workflows.order.events import decisive
from workflows.order.orders import VALIDATE
from workflows.order.payments import CHARGE
from workflows.order.saga import SETTLED_AT_ONCE
from workflows.order.workflow import ALERT, OrderWorkflow
from workflows.recovery.asking import FIRST_OF_ORDER, receipts, starts_as_new
from workflows.recovery.reading import TIMEOUT, fail, read_lost

with workflow.unsafe.imports_passed_through():
    from activities.recovering import RecoveringActivities
    from models.activities.base import Closed
    from models.activities.orders import OrderAccepted
    from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, workflow_id
    from models.order import Order, unread_order
    from models.process import OrderResult, Status
    from models.recovery import LostOrder, RecoverOrder

# The patch of the recoveries that read the order themselves; older ones got it as their input.
READS = "recovery-reads-the-order"


@workflow.defn(name=RECOVERY_WORKFLOW)
class RecoverOrderWorkflow(OrderWorkflow):
    """Complete an order whose workflow is lost if the carrier has the parcel; otherwise undo it.

    A young order that never ran, and that no service knows, starts as if it were new: as the next run of this id.
    """

    @workflow.init
    def __init__(self, task: RecoverOrder) -> None:
        super().__init__(unread_order(task.process_id))
        self._recovered: RecoveredRun[Order] = RecoveredRun(
            self._run.saga,
            task.process_id,
            self._order,
            changed=self._changed,
            alert=ALERT,
            local=self._may_be_local,
        )
        self._run = self._recovered
        self._fresh_until = 0.0

    @workflow.run
    async def run(self, task: RecoverOrder) -> OrderResult:  # type: ignore[override]
        """Return or raise as the order would; record a dead letter and fail as `RecoveryFailed` if it can't be read."""
        if workflow.info().workflow_id != workflow_id(task.process_id):
            raise ApplicationError(f"the workflow id must be {workflow_id(task.process_id)}", type="InvalidInput")
        try:
            lost = await self._recovered.read(lambda: self._ask(task))
            if isinstance(lost, Closed):
                status = Status(lost.outcome)
                return OrderResult(order_id=task.process_id, status=status, reason="closed before its recovery")
            if starts_as_new(self._recovered, self._fresh_until):
                workflow.continue_as_new(args=[lost.order], workflow=ORDER_WORKFLOW)
            self._take_over(lost)
            return await super().run(lost.order)
        except ActivityError as error:
            await fail(error)

    async def _ask(self, task: RecoverOrder) -> LostOrder | Closed:
        lost = await self._read(task)
        if isinstance(lost, LostOrder) and lost.fresh_seconds:
            self._recovered.subject = self._order = lost.order  # shown while inventory is away
            until = workflow.time() + lost.fresh_seconds
            if not await receipts(self._recovered, [FIRST_OF_ORDER]):
                self._fresh_until = until
        return lost

    async def _read(self, task: RecoverOrder) -> LostOrder | Closed:
        if workflow.patched(READS) or task.recorded is None:
            lost: LostOrder | Closed = await read_lost(RecoveringActivities.read_lost_order, task)
            return lost
        closed: Closed | None = await workflow.execute_activity(
            "read_outcome",
            task.recorded.order,
            result_type=Closed | None,  # type: ignore[arg-type] # the converter takes any annotation
            start_to_close_timeout=TIMEOUT,
        )
        return closed or task.recorded

    def _take_over(self, lost: LostOrder) -> None:
        run = self._recovered
        run.subject = self._order = lost.order
        run.cause, run.resolved = lost.cause, lost.resolved
        # The requests of the steps need the price, which this run does not validate again.
        run.answers[VALIDATE.name] = OrderAccepted(total=lost.total, apart=lost.apart)
        if lost.apart is None:
            run.saga = SETTLED_AT_ONCE
        if lost.event and CHARGE.name not in lost.resolved:
            # A transfer that arrived, by an event that the lost run accepted, is recorded and then refunded.
            self._events[lost.event.event_id] = lost.event
            run.events[CHARGE.name] = decisive(lost.event, run)
