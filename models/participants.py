"""The services that can be apart: each then has workers of its own, on the task queue of its name."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from models.names import TASK_QUEUE

Service = Literal["inventory", "payments", "shipping"]
SERVICES: tuple[Service, ...] = get_args(Service)
# Who can have a database of its own. That of the orders holds everything that isn't a participant's, too.
Owner = Literal["orders", "inventory", "payments", "shipping"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
# What one worker process can serve: the workflows with everything that isn't apart, and each service by itself.
QUEUES = (TASK_QUEUE, *SERVICES)

# Service → its activity types. The routing and the registration of every worker follow this table.
ACTIVITIES: Mapping[Service, tuple[str, ...]] = {
    "inventory": ("reserve_inventory", "release_inventory", "settle_stock", "find_stock_receipts"),
    "payments": (
        *("charge_payment", "find_charge", "book_transfer", "refund_payment", "settle_payment"),
        "find_payment_receipts",
    ),
    "shipping": (
        *("create_shipment", "find_shipment", "find_parcel", "cancel_shipment", "settle_shipment"),
        "find_shipment_receipts",
    ),
}
# Service → the activity type of its step, whose requests must be as accepted.
DOES: Mapping[Service, str] = {service: activities[0] for service, activities in ACTIVITIES.items()}
_SERVICE_OF = {activity: service for service, activities in ACTIVITIES.items() for activity in activities}


def service_of(activity: str) -> Service | None:
    """Return the service of an activity type; None for one that only workers of `orders` serve."""
    return _SERVICE_OF.get(activity)


def names_in(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the names in a comma-separated text, in the order of `known`; raise ValueError for any other name."""
    given = [name.strip() for name in text.split(",")]
    for name in given:
        if name not in known:
            shown = f"{name[:64]!r} is not one of" if name else "has an empty name; use"
            raise ValueError(f"{shown} {', '.join(known)}")
    return tuple(name for name in known if name in given)
