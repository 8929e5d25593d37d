"""The shipping step of an order: hand the parcel to the carrier; this step is the pivot."""

from temporalio import workflow

from temporal_saga import Call, Kind, Step
from workflows import policies
from workflows.order.orders import OrderRun, articles_of

with workflow.unsafe.imports_passed_through():
    from activities.shipping import ShippingActivities
    from models.activities.shipping import CancelShipment, CreateShipment, Shipment
    from models.order import Order


def _ship(run: OrderRun, key: str) -> CreateShipment:
    return CreateShipment(key=key, order_id=run.process, lines=run.subject.lines, ship_to=run.subject.ship_to)


def _recall(run: OrderRun, key: str) -> CancelShipment:
    return CancelShipment(key=key, order_id=run.process)


SHIP: Step[Order, Shipment] = Step(
    "ship",
    do=Call(
        ShippingActivities.create_shipment, _ship, lambda run: f"hand {articles_of(run)} to the carrier", policies.DO
    ),
    undo=Call(ShippingActivities.cancel_shipment, _recall, lambda _: "take the parcel back", policies.UNDO),
    probe=Call(ShippingActivities.find_shipment, _ship, lambda _: "does the carrier have it?", policies.PROBE),
    kind=Kind.PIVOT,
)
