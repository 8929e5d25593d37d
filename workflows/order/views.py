"""Read-only views of an order: its state and its result."""

from datetime import datetime

from temporalio import workflow

from workflows.order.orders import OrderRun, total_if_known
from workflows.order.shipping import SHIP
from workflows.states import state_of

with workflow.unsafe.imports_passed_through():
    from models.names import ORDER_WORKFLOW, workflow_id
    from models.process import OrderResult, ProcessState, Status


def state_of_order(run: OrderRun, started_at: datetime, updated_at: datetime) -> ProcessState:
    """Return the state of the order, without its address and payment, which are personal data."""
    order = run.subject
    answers = {step: answer.model_dump(mode="json") for step, answer in run.answers.items()}
    return state_of(
        run,
        process_id=workflow_id(order.order_id),
        process_type=ORDER_WORKFLOW,
        current_step=run.history[-1].step if run.history else "start",
        data={"order": order.model_dump(mode="json", exclude={"ship_to", "payment"}), "answers": answers},
        started_at=started_at,
        updated_at=updated_at,
    )


def result_of(run: OrderRun) -> OrderResult:
    """Return the result of the order, or its progress while it runs."""
    shipped = run.answer(SHIP)
    return OrderResult(
        order_id=run.process,
        status=Status(run.status),
        total=total_if_known(run),
        tracking=shipped.tracking if shipped and not run.unwinding else None,
        failed_step=run.failure.step if run.failure else None,
        reason=run.reason or None,
        undone=tuple(run.undone),
        waived=tuple(run.waived),
    )
