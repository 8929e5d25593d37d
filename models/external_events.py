"""What happens outside and is told to a running order by the update `deliver_event`, and what the order answers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from models.base import Message
from models.money import Currency, Minor
from models.order import Id
from models.texts import Text

SETTLED, FAILED = "payment_settled", "payment_failed"
EVENT_TYPES = (SETTLED, FAILED)


class ExternalEvent(Message):
    """One event, under the id that its sender gave it: the same id again is the same event."""

    event_id: Id
    type: Annotated[str, Field(min_length=1, max_length=64)]
    payload: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]


class SettledPayload(Message):
    """What came with `payment_settled`: the amount that arrived, in minor units; without one, what was asked for."""

    amount: Minor | None = None
    currency: Currency = "EUR"


class FailedPayload(Message):
    """What came with `payment_failed`: why, in words."""

    reason: Text = "the bank says that it failed"


PAYLOADS: dict[str, type[Message]] = {SETTLED: SettledPayload, FAILED: FailedPayload}


class EventAccepted(Message):
    """The event was taken, and decides the step: the same answer however often it is delivered."""

    order_id: str
    event_id: str
    type: str
    step: str
    effect: Literal["settles", "fails"]
