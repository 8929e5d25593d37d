"""The table of the services' activities, which routing and registration follow, and the names in a setting."""

from typing import Any

import pytest
from temporalio import activity

from activities.inventory import InventoryActivities
from activities.payments import PaymentActivities
from activities.shipping import ShippingActivities
from models.participants import ACTIVITIES, QUEUES, SERVICES, Service, names_in, service_of
from serving.participants import methods
from workflows.order.saga import ORDER_SAGA
from workflows.routing_slip.stops import STOPS

CLASSES: dict[Service, type[Any]] = {
    "inventory": InventoryActivities,
    "payments": PaymentActivities,
    "shipping": ShippingActivities,
}


def types_in(of: type[Any]) -> set[str]:
    """Return the activity types that a class defines, as the SDK knows them."""
    public = [method for name, method in vars(of).items() if not name.startswith("_")]
    return {str(activity._Definition.must_from_callable(method).name) for method in public}


@pytest.mark.parametrize("service", SERVICES)
def test_each_activity_of_a_service_is_registered_and_routed(service: Service) -> None:
    registered = {method.__name__ for method in methods(service, CLASSES[service])}

    assert registered == types_in(CLASSES[service])
    assert {service_of(name) for name in ACTIVITIES[service]} == {service}


def test_what_no_service_apart_has_stays_with_the_orders() -> None:
    ours = {"validate_order", "complete_order", "accept_slip", "close_slip", "wrap_gift", "check_fraud", "handle_event"}
    assert {service_of(name) for name in ours} == {None}


def test_the_calls_of_the_workflows_are_known_by_the_names_of_their_activities() -> None:
    calls = [call for step in ORDER_SAGA.steps for call in (step.do, step.undo, step.probe) if call]
    called = [call.activity for call in calls] + [offer.do for offer in STOPS.values() if not offer.inside]

    for method in called:
        definition = activity._Definition.must_from_callable(method)
        assert definition.name == method.__name__


def test_names_are_in_the_order_of_the_known_ones() -> None:
    assert names_in("shipping, orders", QUEUES) == ("orders", "shipping")
    assert names_in("payments,payments", SERVICES) == ("payments",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pay", "'pay' is not one of inventory, payments, shipping"),
        ("Payments", "'Payments' is not one of inventory, payments, shipping"),
        ("payments;shipping", "'payments;shipping' is not one of inventory, payments, shipping"),
        ("payments,", "has an empty name; use inventory, payments, shipping"),
        ("", "has an empty name; use inventory, payments, shipping"),
        ("a\nb" + 99 * "x", f"'a\\nb{61 * 'x'}' is not one of inventory, payments, shipping"),
    ],
)
def test_any_other_name_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="inventory, payments, shipping") as caught:
        names_in(text, SERVICES)

    assert str(caught.value) == problem
