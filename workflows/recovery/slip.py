"""The recovery of a lost routing slip: it has the slip's workflow id, queries and updates."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga import RecoveredRun
from workflows.recovery.lost_itinerary import LostItinerary
from workflows.recovery.reading import fail, read_lost
from workflows.routing_slip.ends import ALERT
from workflows.routing_slip.itinerary import Itinerary
from workflows.routing_slip.workflow import RoutingSlipWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.recovering import RecoveringActivities
    from models.activities.base import Closed
    from models.names import SLIP_RECOVERY_WORKFLOW, slip_process, slip_workflow_id
    from models.recovery import LostSlip, RecoverProcess
    from models.slips.slip import SlipResult, unread_slip


@workflow.defn(name=SLIP_RECOVERY_WORKFLOW)
class RecoverSlipWorkflow(RoutingSlipWorkflow):
    """Settle a slip whose workflow is lost if it passed its point of no return; otherwise undo its stops."""

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

    @workflow.run
    async def run(self, task: RecoverProcess) -> SlipResult:  # type: ignore[override]
        """Return or raise as the slip would; record a dead letter and fail as `RecoveryFailed` if it can't be read."""
        if workflow.info().workflow_id != slip_workflow_id(task.process_id):
            raise ApplicationError(f"the workflow id must be {slip_workflow_id(task.process_id)}", type="InvalidInput")
        try:
            lost: LostSlip | Closed = await self._recovered.read(
                lambda: read_lost(RecoveringActivities.read_lost_slip, task)
            )
            if isinstance(lost, Closed):
                status: Any = lost.outcome
                return SlipResult(slip_id=task.process_id, status=status, reason="closed before its recovery")
            self._take_over(lost)
            return await super().run(lost.slip)
        except ActivityError as error:
            await fail(error)

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
