"""The workflow of an order: one run of the order saga, with its query and its updates."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from temporal_saga import Run
from workflows import policies
from workflows.alerts import alert_call
from workflows.commands import cancel, check_cancel, expect, refusal
from workflows.order.events import answer_to, decisive, objection
from workflows.order.orders import VALIDATE, OrderRun, total_if_known
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

WITH_THE_CARRIER = "the order is with the carrier and can't be cancelled"


def _currency(run: OrderRun) -> str:
    return run.subject.currency


ALERT = alert_call(_currency)


@workflow.defn(name=ORDER_WORKFLOW)
class OrderWorkflow(ProcessManager[Order]):
    """Reserve, charge and ship an order; when a step fails, undo the others, or park the step for an operator."""

    @workflow.init
    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order
        self._events: dict[str, ExternalEvent] = {}
        deadline = timedelta(seconds=order.deadline_seconds) if order.deadline_seconds else None
        # A transfer may take days: express gains nothing, and a lost workflow task would add undos.
        express = policies.LOCAL if order.express and isinstance(order.payment, Payment) else None
        self._run: OrderRun = Run(
            ORDER_SAGA,
            order.order_id,
            order,
            changed=self._changed,
            alert=ALERT,
            deadline=deadline,
            express=express,
            local=self._may_be_local,
        )

    @workflow.run
    async def run(self, order: Order) -> OrderResult:
        """Return the result of a completed order; otherwise end as Failed or Canceled, without open effects."""
        if workflow.info().workflow_id != workflow_id(order.order_id):
            raise ApplicationError(f"the workflow id must be {workflow_id(order.order_id)}", type="InvalidInput")
        await self._run.execute()
        return await self._end(lambda: result_of(self._run), "OrderCompensated")

    @workflow.query(description="The state of the order: its status and the history of its steps")
    def state(self) -> ProcessState:
        """Return the process state."""
        return state_of_order(self._run, self._started_at, self._updated_at)

    @workflow.update(description="Refused: wait for the workflow's result instead, which uses up no update")
    async def outcome(self, wait: OutcomeWait) -> OrderResult:
        """Return the result of the order, or its progress; only for histories that contain such an update."""
        run, summary = self._run, "a caller waits for the outcome"
        if run.ended or run.parked:  # without a wait, because the workflow may end in this workflow task
            return result_of(run)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: run.ended or bool(run.parked), timeout=wait.seconds, timeout_summary=summary
            )
        return result_of(run)

    @outcome.validator
    def _may_wait(self, wait: OutcomeWait) -> None:
        expect(OutcomeWait, wait)
        raise refusal("NotOffered", "wait for the result of the workflow instead, or query its state")

    @workflow.update(description="Cancel the order and undo its steps; refused once it is with the carrier")
    async def cancel_order(self, command: CancelOrder) -> CommandAccepted:
        """Cancel the order; raise the refusal if the parcel is handed to the carrier first."""
        await cancel(self._run, self._budget, command.reason, WITH_THE_CARRIER)
        return self._accepted()

    @cancel_order.validator
    def _may_cancel(self, command: CancelOrder) -> None:
        expect(CancelOrder, command)
        check_cancel(self._run, self._budget, command.plan, WITH_THE_CARRIER)

    @workflow.update(
        description="Report a bank transfer as payment_settled or payment_failed; a repeated event id has no effect"
    )
    async def deliver_event(self, event: ExternalEvent) -> EventAccepted:
        """Accept an event, delivered at least once; raise the refusal when it is invalid or too late."""
        run = self._run
        with self._budget.waiting("deliver_event"):
            # The amount can't be checked before the price is known.
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
        self._budget.check("deliver_event", needed=event.event_id not in self._events)

    def _accepted(self) -> CommandAccepted:
        return CommandAccepted(order_id=self._order.order_id, status=self._run.status)

    def _apart(self) -> tuple[str, ...] | None:
        priced = self._run.answer(VALIDATE)
        return priced.apart if priced else None

    def _currency(self) -> str:
        return _currency(self._run)

    def _table(self) -> str:
        return table_of(self._run)
