"""The order: one run of the order saga, and what people ask of it and see of it."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows import policies
from workflows.decisions import Shown, cancel, check_cancel, check_decision, decide, end_as_cancelled, expect, refusal
from workflows.order_events import DECIDES, answer_to, heard, objection
from workflows.order_steps import ALERT, ORDER_SAGA, why
from workflows.saga import Run
from workflows.views import plan_of, result_of, state_of, table_of

with workflow.unsafe.imports_passed_through():
    from models.commands import Accepted, CancelOrder, Patience, Resolve, UndoPlan
    from models.external_events import EventTaken, ExternalEvent
    from models.names import ORDER_WORKFLOW, workflow_id
    from models.order import Order, Payment
    from models.process import OrderResult, ProcessState

WITH_THE_CARRIER = "the order is with the carrier; it can't be cancelled any more"


@workflow.defn(name=ORDER_WORKFLOW)
class OrderWorkflow:
    """Reserve, charge and ship an order; undo what was done when a step fails, or park it for a person."""

    @workflow.init
    def __init__(self, order: Order) -> None:
        self._order = order
        deadline = timedelta(seconds=order.deadline_seconds) if order.deadline_seconds else None
        self._shown = Shown()
        self._events: dict[str, ExternalEvent] = {}
        self._started_at = self._updated_at = workflow.now()
        # A transfer may take days: nothing is won, and less is to be undone when a workflow task was lost.
        express = policies.LOCAL if order.express and isinstance(order.payment, Payment) else None
        self._run = Run(
            ORDER_SAGA, order.order_id, order, changed=self._changed, alert=ALERT, deadline=deadline, express=express
        )

    @workflow.run
    async def run(self, order: Order) -> OrderResult:
        """Return the result of a completed order; end Failed or Canceled, with nothing left open, otherwise."""
        if workflow.info().workflow_id != workflow_id(order.order_id):
            raise ApplicationError(f"the workflow id must be {workflow_id(order.order_id)}", type="InvalidInput")
        await self._run.execute()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._run.status == "completed":
            return result_of(self._run, self._order)
        if self._run.status == "cancelled":
            await end_as_cancelled(self._run)
        message = f"{self._run.status}: {why(self._run)}"
        raise ApplicationError(
            message,
            result_of(self._run, self._order),
            type="OrderCompensated",
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )

    @workflow.query(description="Where the order is: its status and the history of its steps")
    def state(self) -> ProcessState:
        """Return the process state."""
        return state_of(self._run, self._order, self._started_at, self._updated_at)

    @workflow.query(description="Which undos would run if the order were cancelled now, in order, and the plan's hash")
    def undo_plan(self) -> UndoPlan:
        """Return the undo preview."""
        undos, digest = self._run.plan()
        return plan_of(undos, digest, cancellable=not (self._run.pivoted or self._run.unwinding or self._run.ended))

    @workflow.update(description="Wait some seconds for the outcome, and answer with it or with where the order is")
    async def outcome(self, patience: Patience) -> OrderResult:
        """Return how the order ended if it does so in time, else how far it is; when it waits for a person, at once."""
        run, summary = self._run, "somebody waits for the outcome"
        if run.ended or run.parked:  # at once: the workflow may end in this very moment
            return result_of(run, self._order)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: run.ended or bool(run.parked), timeout=patience.seconds, timeout_summary=summary
            )
        return result_of(run, self._order)

    @outcome.validator
    def _may_wait(self, patience: Patience) -> None:
        expect(Patience, patience)

    @workflow.update(description="Cancel the order and undo what was done; refused once it is with the carrier")
    async def cancel_order(self, command: CancelOrder) -> Accepted:
        """Stop the order; raise when it was handed to the carrier meanwhile."""
        await cancel(self._run, command.reason, WITH_THE_CARRIER)
        return Accepted(order_id=self._order.order_id, status=self._run.status)

    @cancel_order.validator
    def _may_cancel(self, command: CancelOrder) -> None:
        expect(CancelOrder, command)
        check_cancel(self._run, command.plan, WITH_THE_CARRIER)

    @workflow.update(description="Decide what happens with a parked step: retry, skip, edit, waive or unwind")
    async def resolve(self, command: Resolve) -> Accepted:
        """Take a person's decision on a parked step."""
        decide(self._run, command)
        return Accepted(order_id=self._order.order_id, status=self._run.status)

    @resolve.validator
    def _may_resolve(self, command: Resolve) -> None:
        expect(Resolve, command)
        check_decision(self._run, command)

    @workflow.update(
        description="Tell what came of a bank transfer: payment_settled or payment_failed, once for its id"
    )
    async def deliver_event(self, event: ExternalEvent) -> EventTaken:
        """Take an event, however often it comes; raise when it doesn't fit or comes too late."""
        run = self._run
        # Before the price is known nobody can tell whether the amount fits.
        await workflow.wait_condition(lambda: "validate" in run.answers or run.unwinding or run.ended)
        if problem := objection(event, run, self._events):
            raise refusal("EventRefused", problem)
        if event.event_id not in self._events:
            self._events[event.event_id] = event
            run.hear(DECIDES, heard(event, run))
        return answer_to(event, run)

    @deliver_event.validator
    def _may_deliver(self, event: ExternalEvent) -> None:
        expect(ExternalEvent, event)
        if problem := objection(event, self._run, self._events):
            raise refusal("EventRefused", problem)

    def _changed(self) -> None:
        """Show what happened: the table in the Web UI at every step, the search attributes off the happy path only."""
        self._updated_at = workflow.now()
        self._shown.show(self._run, table_of(self._run))
