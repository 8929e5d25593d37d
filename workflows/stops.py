"""The activities that a slip may visit: what each is asked, its undo, and where it may stand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows import policies
from workflows.order_steps import articles
from workflows.saga import Kind, Policy, Run

with workflow.unsafe.imports_passed_through():
    from activities.fraud import FraudActivities
    from activities.inventory import InventoryActivities
    from activities.orders import OrderActivities
    from activities.payments import PaymentActivities
    from activities.shipping import ShippingActivities
    from activities.wrapping import WrappingActivities
    from models.activities.base import Reply, Request
    from models.activities.fraud import CheckFraud, FraudChecked
    from models.activities.inventory import ReleaseInventory, Reservation, ReserveInventory
    from models.activities.orders import PriceArticles, Priced
    from models.activities.payments import Charge, ChargePayment, RefundPayment
    from models.activities.shipping import CancelShipment, CreateShipment, Shipment
    from models.activities.slips import AwaitRelease, ManualReview, ReleasedAt, Reviewed
    from models.activities.wrapping import UnwrapGift, WrapGift, Wrapped
    from models.slips.slip import Review


@dataclass(frozen=True)
class Offer:
    """An activity that a slip may name; `inside`, the workflow itself waits; `settles` is what the end sells."""

    do: Callable[..., Any]
    asks: type[Request]
    answers: type[Reply]
    tells: Callable[[Any], str]
    undo: tuple[Callable[..., Any], type[Request]] | None = None
    probe: Callable[..., Any] | None = None
    kind: Kind = Kind.COMPENSATABLE
    policy: Policy = policies.DO
    inside: bool = False
    settles: Literal["", "stock", "money"] = ""
    at_risk: Callable[[Any], int] = lambda _: 0


async def await_review(run: Run, request: ManualReview) -> Reviewed:
    """Wait for a person's verdict; a no, or none in time, is a refusal."""
    stop, reviews = request.key.rpartition(":")[2], run.subject.reviews
    run.waiting = stop
    run.changed()
    within = timedelta(seconds=request.within_seconds) if request.within_seconds else None
    try:
        await workflow.wait_condition(lambda: stop in reviews, timeout=within, timeout_summary=f"{stop}: in time")
    except asyncio.TimeoutError:  # noqa: UP041 - what the SDK raises, by the name of its documentation
        raise _refusal("ReviewOverdue", f"nobody decided within {request.within_seconds} s") from None
    verdict: Review = reviews[stop]
    if verdict.verdict == "reject":
        raise _refusal("ReviewRejected", f"{verdict.actor}: {verdict.reason}")
    return Reviewed(actor=verdict.actor, reason=verdict.reason)


async def await_release(run: Run, request: AwaitRelease) -> ReleasedAt:
    """Wait until the articles may be sold."""
    left = request.until - workflow.now()
    if left > timedelta():
        run.waiting = request.key.rpartition(":")[2]
        run.changed()
        await workflow.sleep(left, summary=f"until {request.until:%Y-%m-%d %H:%M} UTC")
    return ReleasedAt(at=request.until)


def _refusal(kind: str, message: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


STOPS: dict[str, Offer] = {
    "price_articles": Offer(
        OrderActivities.price_articles,
        PriceArticles,
        Priced,
        lambda asked: f"price {articles(asked.lines)}",
        policy=policies.VALIDATE,
    ),
    "check_fraud": Offer(
        FraudActivities.check_fraud,
        CheckFraud,
        FraudChecked,
        lambda asked: f"is {asked.amount} suspicious?",
        policy=policies.VALIDATE,
    ),
    "review": Offer(
        await_review, ManualReview, Reviewed, lambda asked: f"a person decides: {asked.question}", inside=True
    ),
    "await_release": Offer(
        await_release,
        AwaitRelease,
        ReleasedAt,
        lambda asked: f"wait until {asked.until:%Y-%m-%d %H:%M} UTC",
        inside=True,
    ),
    "reserve_inventory": Offer(
        InventoryActivities.reserve_inventory,
        ReserveInventory,
        Reservation,
        lambda asked: f"reserve {articles(asked.lines)}",
        undo=(InventoryActivities.release_inventory, ReleaseInventory),
        settles="stock",
    ),
    "charge_payment": Offer(
        PaymentActivities.charge_payment,
        ChargePayment,
        Charge,
        lambda asked: f"charge {asked.amount}",
        undo=(PaymentActivities.refund_payment, RefundPayment),
        probe=PaymentActivities.find_charge,
        settles="money",
        at_risk=lambda asked: int(asked.amount.amount),
    ),
    "wrap_gift": Offer(
        WrappingActivities.wrap_gift,
        WrapGift,
        Wrapped,
        lambda asked: f"wrap {articles(asked.lines)} in {asked.paper}",
        undo=(WrappingActivities.unwrap_gift, UnwrapGift),
    ),
    "create_shipment": Offer(
        ShippingActivities.create_shipment,
        CreateShipment,
        Shipment,
        lambda asked: f"hand {articles(asked.lines)} to the carrier",
        undo=(ShippingActivities.cancel_shipment, CancelShipment),
        probe=ShippingActivities.find_shipment,
        kind=Kind.PIVOT,
    ),
}
