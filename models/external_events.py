"""External events, delivered to a running order by the update `deliver_event`, and the order's reply."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.base import Message
from models.money import Currency, Minor
from models.order import Id
from models.problems import shown
from models.texts import Text, check_size, check_texts

SETTLED, FAILED = "payment_settled", "payment_failed"
EVENT_TYPES = (SETTLED, FAILED)
PAYLOAD_AT_MOST = 8 * 1024


class ExternalEvent(Message):
    """One event; `event_id` is given by its sender, and a repeated id is a repeated event."""

    event_id: Id
    type: Annotated[str, Field(min_length=1, max_length=64)]
    payload: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]

    @model_validator(mode="after")
    def _a_payload_fit_to_keep(self) -> Self:
        check_size("payload", self.payload, PAYLOAD_AT_MOST)
        for name, value in self.payload.items():
            check_texts(f"payload.{shown(name)}", value)
        return self


class SettledPayload(Message):
    """The payload of `payment_settled`: the amount that arrived, in minor units; None means the expected amount."""

    amount: Minor | None = None
    currency: Currency = "EUR"


class FailedPayload(Message):
    """The payload of `payment_failed`: the reason, as text."""

    reason: Text = "the bank says that it failed"


PAYLOADS: dict[str, type[Message]] = {SETTLED: SettledPayload, FAILED: FailedPayload}


class EventAccepted(Message):
    """The reply to an accepted event that decides `step`; a repeated event gets the same reply."""

    order_id: str
    event_id: str
    type: str
    step: str
    effect: Literal["settles", "fails"]
