"""The events of a choreographed order."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from models.base import Message
from models.errors import InvalidInput
from models.forms import form
from models.money import Money
from models.order import Order
from models.participants import Owner
from models.problems import first_problem

SCHEMA_VERSION = 1


class EventType(StrEnum):
    """The types of the events of a choreographed order."""

    ORDER_PLACED = "OrderPlaced"
    STOCK_RESERVED = "StockReserved"
    STOCK_REJECTED = "StockRejected"
    PAYMENT_CHARGED = "PaymentCharged"
    PAYMENT_DECLINED = "PaymentDeclined"
    SHIPMENT_CREATED = "ShipmentCreated"
    SHIPMENT_REFUSED = "ShipmentRefused"
    PAYMENT_SETTLED = "PaymentSettled"
    STOCK_SETTLED = "StockSettled"
    ORDER_TIMED_OUT = "OrderTimedOut"
    SHIPMENT_RECALLED = "ShipmentRecalled"
    PAYMENT_REFUNDED = "PaymentRefunded"
    STOCK_RELEASED = "StockReleased"
    ORDER_COMPLETED = "OrderCompleted"
    ORDER_FAILED = "OrderFailed"


# Event type → the service that publishes it, and its subscriber, None for the last events of an order.
PUBLISHER: Mapping[EventType, Owner] = {
    EventType.ORDER_PLACED: "orders",
    EventType.STOCK_RESERVED: "inventory",
    EventType.STOCK_REJECTED: "inventory",
    EventType.PAYMENT_CHARGED: "payments",
    EventType.PAYMENT_DECLINED: "payments",
    EventType.SHIPMENT_CREATED: "shipping",
    EventType.SHIPMENT_REFUSED: "shipping",
    EventType.PAYMENT_SETTLED: "payments",
    EventType.STOCK_SETTLED: "inventory",
    EventType.ORDER_TIMED_OUT: "orders",
    EventType.SHIPMENT_RECALLED: "shipping",
    EventType.PAYMENT_REFUNDED: "payments",
    EventType.STOCK_RELEASED: "inventory",
    EventType.ORDER_COMPLETED: "orders",
    EventType.ORDER_FAILED: "orders",
}
SUBSCRIBER: Mapping[EventType, Owner | None] = {
    EventType.ORDER_PLACED: "inventory",
    EventType.STOCK_RESERVED: "payments",
    EventType.STOCK_REJECTED: "orders",
    EventType.PAYMENT_CHARGED: "shipping",
    EventType.PAYMENT_DECLINED: "inventory",
    EventType.SHIPMENT_CREATED: "payments",
    EventType.PAYMENT_SETTLED: "inventory",
    EventType.STOCK_SETTLED: "orders",
    EventType.SHIPMENT_REFUSED: "payments",
    EventType.ORDER_TIMED_OUT: "shipping",
    EventType.SHIPMENT_RECALLED: "payments",
    EventType.PAYMENT_REFUNDED: "inventory",
    EventType.STOCK_RELEASED: "orders",
    EventType.ORDER_COMPLETED: None,
    EventType.ORDER_FAILED: None,
}
# What a delivery returns without a new reaction: the first is followed by what the delivery before it returned.
REPEATED = "handled before"
TOO_LATE = "too late: the order goes back or has ended"
# After this event the order is only completed, never undone.
PIVOT = EventType.SHIPMENT_CREATED
LAST = frozenset({EventType.ORDER_COMPLETED, EventType.ORDER_FAILED})
# The events that report a step that failed or was undone: their deliveries undo the rest, before new work.
GOING_BACK = frozenset(
    {
        EventType.STOCK_REJECTED,
        EventType.PAYMENT_DECLINED,
        EventType.SHIPMENT_REFUSED,
        EventType.ORDER_TIMED_OUT,
        EventType.SHIPMENT_RECALLED,
        EventType.PAYMENT_REFUNDED,
        EventType.STOCK_RELEASED,
        EventType.ORDER_FAILED,
    }
)


class DomainEvent(Message):
    """One event in the outbox of its service; `redrives` counts its redeliveries.

    `causation_id` is the id of the event that caused it. `type` is plain text, because a relay must be able to read an
    event of an unknown type, and set it aside.
    """

    event_id: str
    process_id: str
    type: str
    version: int
    payload: dict[str, Any]
    correlation_id: str
    causation_id: str | None
    redrives: int = 0
    at: datetime


class StoredEvent(Message):
    """An event in an outbox, whether a relay has published it, and the problem because of which no relay can."""

    event: DomainEvent
    published: bool
    problem: str | None = None


class EventDelivery(Message):
    """The input of a delivery: it names a stored event, its publisher and its subscriber, and has nothing of its data.

    `redrives` is the event's number of redeliveries at that time.
    """

    event_id: Annotated[str, form(r"^[A-Za-z0-9_-]{1,64}$", "1 to 64 letters, digits, - and _")]
    publisher: Owner
    subscriber: Owner
    redrives: Annotated[int, Field(ge=0)] = 0


def subscriber_of(event_type: str) -> Owner | None:
    """Return the subscriber of an event type, None for one without; raise InvalidInput for an unknown type."""
    return SUBSCRIBER[_known(event_type)]


def publisher_of(event_type: str) -> Owner:
    """Return the only service that publishes an event type; raise InvalidInput for an unknown type."""
    return PUBLISHER[_known(event_type)]


def _known(event_type: str) -> EventType:
    try:
        return EventType(event_type)
    except ValueError:
        raise InvalidInput("type", f"{event_type} is not a known event type") from None


def event_of(text: str) -> tuple[DomainEvent, str]:
    """Return a stored event, and the problem when its payload can't be read; it has an empty payload then."""
    try:
        return DomainEvent.model_validate_json(text), ""
    except ValidationError as error:
        without = json.dumps(json.loads(text) | {"payload": {}})
        return DomainEvent.model_validate_json(without), ": ".join(first_problem(error))


# While the delivery of one of these is dead, the customer's money may be held, and nothing is on the way to return it.
_MONEY_AT_RISK = frozenset(
    {
        EventType.STOCK_RESERVED,
        EventType.PAYMENT_CHARGED,
        EventType.SHIPMENT_REFUSED,
        EventType.ORDER_TIMED_OUT,
        EventType.SHIPMENT_RECALLED,
    }
)


def total_of(event: DomainEvent) -> Money | None:
    """Return the price of an event's order, None if the payload can't be read."""
    try:
        return Money.model_validate(event.payload.get("total"))
    except ValidationError:
        return None


def at_risk(event_type: str, total: Money | None) -> Money | None:
    """Return the amount that a dead delivery of an event puts at risk, None without any."""
    return total if event_type in _MONEY_AT_RISK else None


class EventData(Message):
    """The payload of every event; each event repeats it, so that no service has to query another."""

    order: Order
    total: Money
    tracking: str | None = None
    reason: str = ""

    @classmethod
    def of(cls, event: DomainEvent) -> Self:
        """Return the payload of an event; raise InvalidInput for another schema version or an invalid payload."""
        if event.version != SCHEMA_VERSION:
            raise InvalidInput("version", f"of {event.type} is {event.version}, this code reads {SCHEMA_VERSION}")
        try:
            return cls.model_validate_json(json.dumps(event.payload))
        except ValidationError as error:
            field, _ = first_problem(error)
            raise InvalidInput(f"payload.{field}", f"of {event.type} can't be read") from None
