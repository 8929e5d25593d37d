"""What each activity is asked and what it answers. The key in a request is its idempotency key.

An undo carries the key of the effect that it undoes, and nothing that only the effect's answer could tell.
"""

from typing import Literal

from models.base import Message
from models.money import Money
from models.order import Address, Line


class Request(Message):
    """What every request of a step carries."""

    key: str
    order_id: str


class Reply(Message):
    """What every answer of a step carries: on which attempt it came."""

    attempt: int = 1


class ReserveInventory(Request):
    """Set these articles aside."""

    lines: tuple[Line, ...]


class Reservation(Reply):
    """The articles set aside."""

    lines: tuple[Line, ...]


class ReleaseInventory(Request):
    """Give back whatever was set aside under this key, if anything was."""


class Released(Reply):
    """What went back on the shelf; nothing when the reservation never happened."""

    lines: tuple[Line, ...] = ()


class ChargePayment(Request):
    """Take this much from the card behind the token."""

    amount: Money
    token: str


class Charge(Reply):
    """The money taken, under the provider's own reference."""

    charge_id: str
    amount: Money


class ExpectTransfer(Request):
    """Expect this much by bank transfer, under the reference that the customer writes on it."""

    amount: Money
    reference: str


class PendingTransfer(Reply):
    """The transfer is expected: nothing has arrived yet."""

    amount: Money
    reference: str


class BookTransfer(Request):
    """Book the transfer that an event says has arrived: what was asked for, and what came."""

    amount: Money
    reference: str
    paid: Money
    event_id: str


class RefundPayment(Request):
    """Give back whatever was charged or transferred under this key, if anything was."""


class Refunded(Reply):
    """What was given back; None when the charge never happened."""

    refund_id: str | None = None
    amount: Money | None = None


class CreateShipment(Request):
    """Hand these articles to the carrier."""

    lines: tuple[Line, ...]
    ship_to: Address


class Shipment(Reply):
    """The parcel, under the carrier's own tracking number."""

    tracking: str


class CancelShipment(Request):
    """Take back whatever was handed to the carrier under this key, if anything was."""


class Recalled(Reply):
    """The parcel that was taken back; None when it was never handed over."""

    tracking: str | None = None


class Priced(Reply):
    """The order was accepted, at the catalogue's price."""

    total: Money


class CompleteOrder(Request):
    """Close the order: keep its outcome and, when it was completed, settle what was pending."""

    outcome: Literal["completed", "compensated", "cancelled", "failed"]
    reserve_key: str
    charge_key: str
    reason: str = ""
    # None where it was asked for by a workflow that began before parcels were settled.
    ship_key: str | None = None


class Closed(Reply):
    """It is closed, with this outcome; with its reason where that was recorded before, under the other name."""

    outcome: str
    reason: str = ""


class Alert(Request):
    """An effect waits for a person: which, why, and the amount at risk in minor units."""

    step: str
    direction: str
    failure: str
    at_risk: int
    currency: str


class Alerted(Reply):
    """Whether this alert was heard of for the first time."""

    new: bool
