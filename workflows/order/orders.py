"""The first and the last step of an order, validate and complete, and the call that closes an undone order."""

from temporalio import workflow

from temporal_saga import Call, Kind, Run, Step
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities
    from models.activities.base import Closed
    from models.activities.orders import CompleteOrder, OrderAccepted
    from models.money import Money
    from models.order import Order, articles

OrderRun = Run[Order]


def _order(run: OrderRun, _key: str) -> Order:
    return run.subject


def _closing(run: OrderRun, key: str) -> CompleteOrder:
    """Return the request that closes an order with any outcome."""
    priced = run.answer(VALIDATE)
    return CompleteOrder(
        key=key,
        order_id=run.process,
        body_hash=run.subject.body_hash(),
        outcome=run.outcome,
        reason=run.reason,
        settled=run.outcome == "completed" and priced is not None and priced.apart is not None,
    )


def articles_of(run: OrderRun) -> str:
    """Return the ordered articles as text for a summary."""
    return articles(run.subject.lines)


def total(run: OrderRun) -> Money:
    """Return the price at which the order was accepted; raise LookupError before that."""
    return run.answer_of(VALIDATE).total


def total_if_known(run: OrderRun) -> Money | None:
    """Return the price, or None: an express order may go back before its history contains the price."""
    priced = run.answer(VALIDATE)
    return priced.total if priced else None


VALIDATE: Step[Order, OrderAccepted] = Step(
    "validate",
    do=Call(OrderActivities.validate_order, _order, lambda run: f"validate {articles_of(run)}", policies.VALIDATE),
    undo=None,
    has_effect=False,
)
COMPLETE: Step[Order, Closed] = Step(
    "complete",
    do=Call(OrderActivities.complete_order, _closing, lambda _: "complete the order", policies.COMPLETE),
    undo=None,
    kind=Kind.RETRIABLE,
)
CLOSE: Call[Order, Closed] = Call(
    OrderActivities.complete_order, _closing, lambda _: "keep the outcome", policies.CLOSE
)
