"""Requests and replies of the activities of the payments service."""

from models.activities.base import Reply, Request
from models.money import Money
from models.order import Id


class ChargePayment(Request):
    """Charge the amount to the card of the token."""

    amount: Money
    token: str


class Charge(Reply):
    """The charge, with the provider's reference."""

    charge_id: str
    amount: Money


class ExpectTransfer(Request):
    """Expect the amount by bank transfer, with the customer's reference."""

    amount: Money
    reference: str


class PendingTransfer(Reply):
    """The expected transfer, which has not arrived yet."""

    amount: Money
    reference: str


class BookTransfer(Request):
    """Record the transfer that an event reports: `amount` is the expected one, `paid` the one that arrived."""

    amount: Money
    reference: str
    paid: Money
    event_id: Id


class RefundPayment(Request):
    """Refund the charge or the transfer under this key, if any."""


class SettlePayment(Request):
    """Earn the money that is held under this key."""


class Refunded(Reply):
    """The refund; None in both fields if there was no payment."""

    refund_id: str | None = None
    amount: Money | None = None
