"""The events of a choreographed order."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from models.base import Message
from models.errors import InvalidInput
from models.forms import form
from models.money import Money
from models.order import Order
from models.problems import first_problem

SCHEMA_VERSION = 1
# Until each database has an outbox of its own.
NEEDS_ONE_DATABASE = "choreographed orders need one database for all services, and a service has its own"


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


# After this event the order is only completed, never undone.
PIVOT = EventType.SHIPMENT_CREATED
LAST = frozenset({EventType.ORDER_COMPLETED, EventType.ORDER_FAILED})
# The events that may still follow in an order that timed out.
OF_THE_UNDOING = frozenset(
    {
        EventType.ORDER_TIMED_OUT,
        EventType.SHIPMENT_RECALLED,
        EventType.PAYMENT_REFUNDED,
        EventType.STOCK_RELEASED,
        EventType.ORDER_FAILED,
    }
)
# The events that report a step that failed or was undone: their deliveries undo the rest, before new work.
GOING_BACK = OF_THE_UNDOING | {EventType.STOCK_REJECTED, EventType.PAYMENT_DECLINED, EventType.SHIPMENT_REFUSED}


class DomainEvent(Message):
    """One event in the outbox; `sequence` counts the events of its process, `redrives` its redeliveries by operators.

    `causation_id` is the id of the event that caused it. `type` is plain text, because a relay must be able to read an
    event of an unknown type, and record a dead letter for it.
    """

    event_id: str
    process_id: str
    sequence: int
    type: str
    version: int
    payload: dict[str, Any]
    correlation_id: str
    causation_id: str | None
    redrives: int = 0
    at: datetime


class EventDelivery(Message):
    """The input of a delivery: it names a stored event and its subscriber, and contains nothing of the event.

    `redrives` is the event's number of redeliveries at that time.
    """

    event_id: Annotated[str, form(r"^[A-Za-z0-9_-]{1,64}$", "1 to 64 letters, digits, - and _")]
    subscriber: Annotated[str, form(r"^[a-z]{1,32}$", "1 to 32 lower-case letters")]
    redrives: Annotated[int, Field(ge=0)] = 0


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


def at_risk(event: DomainEvent) -> Money | None:
    """Return the amount that a dead delivery of an event puts at risk, None without any or if it can't be read."""
    if event.type not in _MONEY_AT_RISK:
        return None
    try:
        return Money.model_validate(event.payload.get("total"))
    except ValidationError:
        return None


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
