"""What the activities of the payments service are asked, and what they answer."""

from models.activities.base import Reply, Request
from models.money import Money


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
