"""The recovery of a lost routing slip: it has the slip's workflow id, queries and updates."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga import RecoveredRun
from workflows.recovery.asking import receipts, starts_as_new
from workflows.recovery.lost_itinerary import LostItinerary
from workflows.recovery.reading import fail, read_lost
from workflows.routing_slip.ends import ALERT
from workflows.routing_slip.itinerary import Itinerary
from workflows.routing_slip.workflow import RoutingSlipWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.lost_slips import stops_of
    from activities.recovering import RecoveringActivities
    from models.activities.base import Closed
    from models.money import Money
    from models.names import SLIP_RECOVERY_WORKFLOW, SLIP_WORKFLOW, slip_process, slip_workflow_id
    from models.recovery import LostSlip, RecoverProcess
    from models.slips.slip import CURRENCY, SlipResult, unread_slip


@workflow.defn(name=SLIP_RECOVERY_WORKFLOW)
class RecoverSlipWorkflow(RoutingSlipWorkflow):
    """Settle a slip whose workflow is lost if it passed its point of no return; otherwise undo its stops.

    A young slip that never ran, and that no service knows, starts as if it were new: as the next run of this id.
    """

    @workflow.init
    def __init__(self, task: RecoverProcess) -> None:
        super().__init__(unread_slip(task.process_id))
        self._recovered: RecoveredRun[Itinerary] = RecoveredRun(
            self._itinerary.saga,
            slip_process(task.process_id),
            self._itinerary,
            changed=self._changed,
            alert=ALERT,
            local=self._may_be_local,
        )
        self._run = self._recovered
        self._lost: LostSlip | None = None
        self._fresh_until = 0.0

    @workflow.run
    async def run(self, task: RecoverProcess) -> SlipResult:  # type: ignore[override]
        """Return or raise as the slip would; record a dead letter and fail as `RecoveryFailed` if it can't be read."""
        if workflow.info().workflow_id != slip_workflow_id(task.process_id):
            raise ApplicationError(f"the workflow id must be {slip_workflow_id(task.process_id)}", type="InvalidInput")
        try:
            lost = await self._recovered.read(lambda: self._ask(task))
            if isinstance(lost, Closed):
                status: Any = lost.outcome
                return SlipResult(slip_id=task.process_id, status=status, reason="closed before its recovery")
            if starts_as_new(self._recovered, self._fresh_until):
                workflow.continue_as_new(args=[lost.slip], workflow=SLIP_WORKFLOW)
            self._take_over(lost)
            return await super().run(lost.slip)
        except ActivityError as error:
            await fail(error, self._at_risk())

    async def _ask(self, task: RecoverProcess) -> LostSlip | Closed:
        lost: LostSlip | Closed = await read_lost(RecoveringActivities.read_lost_slip, task)
        if isinstance(lost, Closed) or lost.asks is None:
            return lost
        until = workflow.time() + lost.fresh_seconds
        # Asked after the histories were read: the attempts that were on their way may have written receipts meanwhile.
        found = await receipts(self._recovered, lost.asks)
        if lost.fresh_seconds and not found:
            self._fresh_until = until
        return lost.model_copy(update={"stops": stops_of(lost.begun, lost.planned, found)})

    def _at_risk(self) -> Money | None:
        lost = self._lost
        return Money(amount=sum(stop.at_risk for stop in lost.stops), currency=CURRENCY) if lost else None

    def _apart(self) -> tuple[str, ...] | None:
        return self._lost.apart if self._lost else None

    def _take_over(self, lost: LostSlip) -> None:
        self._lost = lost
        itinerary = self._itinerary = LostItinerary(lost)
        run = self._recovered
        run.saga, run.subject, run.ahead = itinerary.saga, itinerary, []
        run.cause, run.resolved, run.passed = lost.cause, lost.resolved, itinerary.passed
        # The stops whose effects are in force; their answers are gone.
        run.answers |= dict.fromkeys(stop.name for stop in lost.stops if stop.done)
