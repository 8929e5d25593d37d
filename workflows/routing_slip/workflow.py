"""The workflow of a routing slip: one run of its stops, with its query and its updates.

After the pattern "Routing Slip" in Hohpe and Woolf, Enterprise Integration Patterns.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from temporal_saga import Run
from workflows.commands import cancel, check_cancel, expect, refusal
from workflows.process_manager import ProcessManager
from workflows.routing_slip.ends import ACCEPT, ALERT, SlipRun
from workflows.routing_slip.itinerary import Itinerary
from workflows.routing_slip.views import result_of, state_of_slip, table_of_slip

with workflow.unsafe.imports_passed_through():
    from models.errors import InvalidInput
    from models.names import SLIP_WORKFLOW, slip_process, slip_workflow_id
    from models.process import ProcessState
    from models.slips.slip import (
        CURRENCY,
        REVISIONS_AT_MOST,
        CancelSlip,
        Review,
        ReviseSlip,
        RoutingSlip,
        SlipCommandAccepted,
        SlipResult,
    )

NO_WAY_BACK = "the slip is past its point of no return and can't be cancelled"


@workflow.defn(name=SLIP_WORKFLOW)
class RoutingSlipWorkflow(ProcessManager[Itinerary]):
    """Run the stops of an itinerary, which may be revised during the run; undo the stops when one fails."""

    @workflow.init
    def __init__(self, slip: RoutingSlip) -> None:
        super().__init__()
        self._problem = ""
        try:
            self._itinerary = Itinerary(slip)
        except InvalidInput as problem:
            self._problem = str(problem)
            self._itinerary = Itinerary(slip.model_copy(update={"itinerary": ()}))
        self._run: SlipRun = Run(
            self._itinerary.saga,
            slip_process(slip.slip_id),
            self._itinerary,
            changed=self._changed,
            alert=ALERT,
            deadline=timedelta(seconds=slip.deadline_seconds) if slip.deadline_seconds else None,
            local=self._may_be_local,
        )

    @workflow.run
    async def run(self, slip: RoutingSlip) -> SlipResult:
        """Return the result of a completed slip; otherwise end as Failed or Canceled, without open effects."""
        if workflow.info().workflow_id != slip_workflow_id(slip.slip_id):
            self._problem = f"the workflow id must be {slip_workflow_id(slip.slip_id)}"
        if self._problem:
            raise ApplicationError(self._problem, type="InvalidInput", non_retryable=True)
        await self._run.execute()
        return await self._end(lambda: result_of(self._run), "SlipCompensated")

    @workflow.query(description="The state of the slip: status, version, stops ahead, and the history of its stops")
    def state(self) -> ProcessState:
        """Return the process state."""
        return state_of_slip(self._run, self._started_at, self._updated_at)

    @workflow.update(description="Revise the stops ahead: replace them, drop and insert stops, or end the slip early")
    def revise_slip(self, command: ReviseSlip) -> SlipCommandAccepted:
        """Apply an operator's revision."""
        self._budget.accept()
        self._itinerary.revise(self._run, command.revision, actor=command.actor, reason=command.reason)
        return self._accepted()

    @revise_slip.validator
    def _may_revise(self, command: ReviseSlip) -> None:
        expect(ReviseSlip, command)
        if command.version not in {None, self._itinerary.version}:
            raise refusal("StaleVersion", f"the slip is at version {self._itinerary.version}; read its state again")
        try:
            self._itinerary.preview(self._run, command.revision)
        except InvalidInput as problem:
            raise refusal("RevisionRefused", str(problem)) from None
        if self._itinerary.version > REVISIONS_AT_MOST:
            raise refusal("TooManyUpdates", f"the slip was revised {REVISIONS_AT_MOST} times already")
        self._budget.check("revise_slip")

    @workflow.update(description="Approve or reject at a review stop that waits for an operator")
    def review(self, command: Review) -> SlipCommandAccepted:
        """Accept an operator's review; the first one for a stop counts."""
        self._budget.accept()
        self._itinerary.reviews.setdefault(command.stop, command)
        return self._accepted()

    @review.validator
    def _may_review(self, command: Review) -> None:
        expect(Review, command)
        given = self._itinerary.reviews.get(command.stop)
        if given == command:
            self._budget.check("review")
            return
        if given or self._run.waiting != command.stop or self._run.status != "waiting":
            raise refusal("NotWaiting", f"{command.stop} is not waiting for a review")
        if self._itinerary.activity(command.stop) != "review":
            raise refusal("NotWaiting", f"{command.stop} is not a review")

    @workflow.update(description="Cancel the slip and undo its stops; refused after its point of no return")
    async def cancel_slip(self, command: CancelSlip) -> SlipCommandAccepted:
        """Cancel the slip; raise the refusal if the slip passes its pivot first."""
        await cancel(self._run, self._budget, command.reason, NO_WAY_BACK)
        return self._accepted()

    @cancel_slip.validator
    def _may_cancel(self, command: CancelSlip) -> None:
        expect(CancelSlip, command)
        check_cancel(self._run, self._budget, command.plan, NO_WAY_BACK)

    def _accepted(self) -> SlipCommandAccepted:
        slip = self._itinerary.slip
        return SlipCommandAccepted(slip_id=slip.slip_id, status=self._run.status, version=self._itinerary.version)

    def _apart(self) -> tuple[str, ...] | None:
        accepted = self._run.answer(ACCEPT)
        return accepted.apart if accepted else None

    def _currency(self) -> str:
        return CURRENCY

    def _table(self) -> str:
        return table_of_slip(self._run)
