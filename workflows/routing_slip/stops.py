"""The activities that a slip may name: request, reply, undo and kind of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow

from temporal_saga import Kind, Policy
from workflows import policies
from workflows.routing_slip.ends import SettledBy
from workflows.routing_slip.waits import await_release, await_review, in_utc

with workflow.unsafe.imports_passed_through():
    from activities.fraud import FraudActivities
    from activities.inventory import InventoryActivities
    from activities.orders import OrderActivities
    from activities.payments import PaymentActivities
    from activities.shipping import ShippingActivities
    from activities.wrapping import WrappingActivities
    from models.activities.base import Reply, Request
    from models.activities.fraud import CheckFraud, FraudChecked
    from models.activities.inventory import ReleaseInventory, Reservation, ReserveInventory, SettleStock
    from models.activities.orders import PriceArticles, Priced
    from models.activities.payments import Charge, ChargePayment, RefundPayment, SettlePayment
    from models.activities.shipping import CancelShipment, CreateShipment, SettleShipment, Shipment
    from models.activities.slips import AwaitRelease, ManualReview, ReleasedAt, Reviewed
    from models.activities.wrapping import SettleWrapping, UnwrapGift, WrapGift, Wrapped
    from models.order import articles


@dataclass(frozen=True)
class SlipActivity:
    """An activity that a slip may name.

    `undo` is an activity and the type of its request, `settled` what makes its effect final. With `inside`, `do` is
    workflow code. `at_risk`: request → the amount at risk in minor units.
    """

    do: Callable[..., Any]
    request: type[Request]
    reply: type[Reply]
    summary: Callable[[Any], str]
    undo: tuple[Callable[..., Any], type[Request]] | None = None
    settled: SettledBy | None = None
    probe: Callable[..., Any] | None = None
    kind: Kind = Kind.COMPENSATABLE
    policy: Policy = policies.DO
    inside: bool = False
    at_risk: Callable[[Any], int] = lambda _: 0


STOPS: dict[str, SlipActivity] = {
    "price_articles": SlipActivity(
        OrderActivities.price_articles,
        PriceArticles,
        Priced,
        lambda request: f"price {articles(request.lines)}",
        policy=policies.VALIDATE,
    ),
    "check_fraud": SlipActivity(
        FraudActivities.check_fraud,
        CheckFraud,
        FraudChecked,
        lambda request: f"is {request.amount} suspicious?",
        policy=policies.VALIDATE,
    ),
    "review": SlipActivity(
        await_review, ManualReview, Reviewed, lambda request: f"a person decides: {request.question}", inside=True
    ),
    "await_release": SlipActivity(
        await_release,
        AwaitRelease,
        ReleasedAt,
        lambda request: f"wait until {in_utc(request.until)}",
        inside=True,
    ),
    "reserve_inventory": SlipActivity(
        InventoryActivities.reserve_inventory,
        ReserveInventory,
        Reservation,
        lambda request: f"reserve {articles(request.lines)}",
        undo=(InventoryActivities.release_inventory, ReleaseInventory),
        settled=SettledBy(InventoryActivities.settle_stock, SettleStock),
    ),
    "charge_payment": SlipActivity(
        PaymentActivities.charge_payment,
        ChargePayment,
        Charge,
        lambda request: f"charge {request.amount}",
        undo=(PaymentActivities.refund_payment, RefundPayment),
        settled=SettledBy(PaymentActivities.settle_payment, SettlePayment),
        probe=PaymentActivities.find_charge,
        at_risk=lambda request: int(request.amount.amount),
    ),
    "wrap_gift": SlipActivity(
        WrappingActivities.wrap_gift,
        WrapGift,
        Wrapped,
        lambda request: f"wrap {articles(request.lines)} in {request.paper}",
        undo=(WrappingActivities.unwrap_gift, UnwrapGift),
        settled=SettledBy(WrappingActivities.settle_wrapping, SettleWrapping),
    ),
    "create_shipment": SlipActivity(
        ShippingActivities.create_shipment,
        CreateShipment,
        Shipment,
        lambda request: f"hand {articles(request.lines)} to the carrier",
        undo=(ShippingActivities.cancel_shipment, CancelShipment),
        settled=SettledBy(ShippingActivities.settle_shipment, SettleShipment),
        probe=ShippingActivities.find_shipment,
        kind=Kind.PIVOT,
    ),
}
