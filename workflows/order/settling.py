"""The steps after the parcel is handed over: each service settles its effect by itself, the parcel's first.

The receipt of the parcel decides between forward and back: once it is settled, it refuses its undo, which is the first
on every way back.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import workflow

from temporal_saga import Call, Kind, Policy, Step
from workflows import policies
from workflows.order.inventory import RESERVE
from workflows.order.orders import OrderRun
from workflows.order.payments import CHARGE
from workflows.order.shipping import SHIP

with workflow.unsafe.imports_passed_through():
    from activities.inventory import InventoryActivities
    from activities.payments import PaymentActivities
    from activities.shipping import ShippingActivities
    from models.activities.base import Request, Settled
    from models.activities.inventory import SettleStock
    from models.activities.payments import SettlePayment
    from models.activities.shipping import SettleShipment
    from models.order import Order


Activity = Callable[..., Awaitable[Settled]]


def _settle(
    name: str,
    activity: Activity,
    effect: Step[Order, Any],
    request: type[Request],
    summary: str,
    policy: Policy = policies.SETTLE,
) -> Step[Order, Settled]:
    def ask(run: OrderRun, _key: str) -> Request:
        return request(key=run.key(effect.name), order_id=run.process)

    do: Call[Order, Settled] = Call(activity, ask, lambda _: summary, policy)
    return Step(name, do=do, undo=None, kind=Kind.RETRIABLE)


SETTLE_SHIPMENT = _settle(
    "settle_shipment",
    ShippingActivities.settle_shipment,
    SHIP,
    SettleShipment,
    "the parcel is final",
    policies.SETTLE_FIRST,
)
SETTLE_PAYMENT = _settle("settle_payment", PaymentActivities.settle_payment, CHARGE, SettlePayment, "earn the money")
SETTLE_STOCK = _settle("settle_stock", InventoryActivities.settle_stock, RESERVE, SettleStock, "sell the stock")
