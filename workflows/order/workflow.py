"""The order: one run of the order saga, and what people ask of it and see of it."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from temporal_saga import Run
from workflows import policies
from workflows.alerts import alert_call
from workflows.commands import cancel, check_cancel, expect, refusal
from workflows.order.events import answer_to, decisive, objection
from workflows.order.orders import OrderRun, total_if_known
from workflows.order.payments import CHARGE
from workflows.order.saga import ORDER_SAGA
from workflows.order.views import result_of, state_of_order
from workflows.process_manager import ProcessManager
from workflows.states import table_of

with workflow.unsafe.imports_passed_through():
    from models.commands import CancelOrder, CommandAccepted, OutcomeWait
    from models.external_events import EventAccepted, ExternalEvent
    from models.names import ORDER_WORKFLOW, workflow_id
    from models.order import Order, Payment
    from models.process import OrderResult, ProcessState

WITH_THE_CARRIER = "the order is with the carrier; it can't be cancelled any more"


def _currency(run: OrderRun) -> str:
    return run.subject.currency


ALERT = alert_call(_currency)


@workflow.defn(name=ORDER_WORKFLOW)
class OrderWorkflow(ProcessManager[Order]):
    """Reserve, charge and ship an order; undo what was done when a step fails, or park it for a person."""

    @workflow.init
    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order
        self._events: dict[str, ExternalEvent] = {}
        deadline = timedelta(seconds=order.deadline_seconds) if order.deadline_seconds else None
        # A transfer may take days: nothing is won, and less is to be undone when a workflow task was lost.
        express = policies.LOCAL if order.express and isinstance(order.payment, Payment) else None
        self._run: OrderRun = Run(
            ORDER_SAGA, order.order_id, order, changed=self._changed, alert=ALERT, deadline=deadline, express=express
        )

    @workflow.run
    async def run(self, order: Order) -> OrderResult:
        """Return the result of a completed order; end Failed or Canceled, with nothing left open, otherwise."""
        if workflow.info().workflow_id != workflow_id(order.order_id):
            raise ApplicationError(f"the workflow id must be {workflow_id(order.order_id)}", type="InvalidInput")
        await self._run.execute()
        return await self._end(lambda: result_of(self._run), "OrderCompensated")

    @workflow.query(description="Where the order is: its status and the history of its steps")
    def state(self) -> ProcessState:
        """Return the process state."""
        return state_of_order(self._run, self._started_at, self._updated_at)

    @workflow.update(description="Wait some seconds for the outcome, and answer with it or with where the order is")
    async def outcome(self, patience: OutcomeWait) -> OrderResult:
        """Return how the order ended if it does so in time, else how far it is; when it waits for a person, at once."""
        run, summary = self._run, "a caller waits for the outcome"
        if run.ended or run.parked:  # at once: the workflow may end in this very moment
            return result_of(run)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: run.ended or bool(run.parked), timeout=patience.seconds, timeout_summary=summary
            )
        return result_of(run)

    @outcome.validator
    def _may_wait(self, patience: OutcomeWait) -> None:
        expect(OutcomeWait, patience)

    @workflow.update(description="Cancel the order and undo what was done; refused once it is with the carrier")
    async def cancel_order(self, command: CancelOrder) -> CommandAccepted:
        """Stop the order; raise when it was handed to the carrier meanwhile."""
        await cancel(self._run, command.reason, WITH_THE_CARRIER)
        return self._accepted()

    @cancel_order.validator
    def _may_cancel(self, command: CancelOrder) -> None:
        expect(CancelOrder, command)
        check_cancel(self._run, command.plan, WITH_THE_CARRIER)

    @workflow.update(
        description="Tell what came of a bank transfer: payment_settled or payment_failed, once for its id"
    )
    async def deliver_event(self, event: ExternalEvent) -> EventAccepted:
        """Accept an event, however often it comes; raise when it doesn't fit or comes too late."""
        run = self._run
        # Before the price is known it can't be told whether the amount fits.
        await workflow.wait_condition(lambda: total_if_known(run) is not None or run.unwinding or run.ended)
        if problem := objection(event, run, self._events):
            raise refusal("EventRefused", problem)
        if event.event_id not in self._events:
            self._events[event.event_id] = event
            run.accept_event(CHARGE, decisive(event, run))
        return answer_to(event, run)

    @deliver_event.validator
    def _may_deliver(self, event: ExternalEvent) -> None:
        expect(ExternalEvent, event)
        if problem := objection(event, self._run, self._events):
            raise refusal("EventRefused", problem)

    def _accepted(self) -> CommandAccepted:
        return CommandAccepted(order_id=self._order.order_id, status=self._run.status)

    def _table(self) -> str:
        return table_of(self._run)
