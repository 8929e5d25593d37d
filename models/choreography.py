"""The events of a choreographed order: what happened, in which service, and because of what."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import ValidationError

from models.base import Message
from models.errors import InvalidInput
from models.money import Money
from models.order import Order
from models.problems import first_problem

SCHEMA_VERSION = 1


class EventType(StrEnum):
    """Everything that can happen to a choreographed order."""

    ORDER_PLACED = "OrderPlaced"
    STOCK_RESERVED = "StockReserved"
    STOCK_REJECTED = "StockRejected"
    PAYMENT_CHARGED = "PaymentCharged"
    PAYMENT_DECLINED = "PaymentDeclined"
    SHIPMENT_CREATED = "ShipmentCreated"
    SHIPMENT_REFUSED = "ShipmentRefused"
    ORDER_TIMED_OUT = "OrderTimedOut"
    SHIPMENT_RECALLED = "ShipmentRecalled"
    PAYMENT_REFUNDED = "PaymentRefunded"
    STOCK_RELEASED = "StockReleased"
    ORDER_COMPLETED = "OrderCompleted"
    ORDER_FAILED = "OrderFailed"


# The pivot: from here on there is only forward.
PIVOT = EventType.SHIPMENT_CREATED
LAST = frozenset({EventType.ORDER_COMPLETED, EventType.ORDER_FAILED})
# What may still happen to an order that ran out of time: its undoing.
OF_THE_UNDOING = frozenset(
    {
        EventType.ORDER_TIMED_OUT,
        EventType.SHIPMENT_RECALLED,
        EventType.PAYMENT_REFUNDED,
        EventType.STOCK_RELEASED,
        EventType.ORDER_FAILED,
    }
)


class DomainEvent(Message):
    """One event as it travels; `sequence` counts the events of its process, `redrives` its repeated deliveries.

    The type is plain text: a relay must be able to carry, and set aside, one that it does not know.
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


class EventData(Message):
    """What each event tells of its order; it is carried on from event to event, so no service asks another."""

    order: Order
    total: Money
    tracking: str | None = None
    reason: str = ""

    @classmethod
    def of(cls, event: DomainEvent) -> Self:
        """Return what an event tells; raise InvalidInput when this code can't understand it."""
        if event.version != SCHEMA_VERSION:
            raise InvalidInput("version", f"of {event.type} is {event.version}, this code knows {SCHEMA_VERSION}")
        try:
            return cls.model_validate_json(json.dumps(event.payload))
        except ValidationError as error:
            field, _ = first_problem(error)
            raise InvalidInput(f"payload.{field}", f"of {event.type} can't be read") from None
