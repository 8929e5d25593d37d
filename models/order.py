"""An order as a customer sends it, without prices: the catalogue has them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from models.base import Message, fingerprint
from models.forms import form
from models.money import Minor
from models.names import ID_PATTERN
from models.texts import Text, printable

LINES_AT_MOST = 100
DEADLINE_AT_MOST = 30 * 24 * 3600
QUANTITY_AT_MOST = 1000
SUMMARY_AT_MOST = 120
_TOKEN = "a token of the payment provider: tok_ and 1 to 60 letters, digits and _"  # noqa: S105 - words
_REFERENCE = "ref_ and 1 to 60 letters, digits and _"
_POSTCODE = "1 to 12 letters, digits, spaces and -, and start with a letter or a digit"

_ID = form(ID_PATTERN, "1 to 64 letters, digits, - and _, and start with a letter or a digit")
Id = Annotated[str, _ID, AfterValidator(printable)]


class Line(Message):
    """One article and its quantity."""

    sku: Annotated[str, _ID, AfterValidator(printable)]
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_AT_MOST)]


def articles(lines: tuple[Line, ...]) -> str:
    """Return the lines as text, such as "2 × SKU-1, 1 × SKU-2", cut to the length of a summary."""
    text = ", ".join(f"{line.quantity} × {line.sku}" for line in lines)
    return text if len(text) <= SUMMARY_AT_MOST else f"{text[:SUMMARY_AT_MOST]}…"


def _one_line_per_sku(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines; raise ValidationError with each line whose article stands on an earlier one."""
    skus = [line.sku for line in lines]
    twice = [
        (number, ValueError(f"{sku} appears on two lines; merge them"))
        for number, sku in enumerate(skus)
        if sku in skus[:number]
    ]
    if twice:
        raise ValidationError.from_exception_data(
            "lines",
            [
                {"type": "value_error", "loc": (number, "sku"), "input": None, "ctx": {"error": problem}}
                for number, problem in twice
            ],
        )
    return lines


class Payment(Message):
    """Payment by card, with a token of the payment provider and never a card number."""

    method: Literal["card"]
    token: Annotated[str, form(r"^tok_[A-Za-z0-9_]{1,60}$", _TOKEN), AfterValidator(printable)]


class BankTransfer(Message):
    """Payment by bank transfer: the customer's reference, never an account number, and the longest wait in seconds."""

    method: Literal["bank_transfer"]
    reference: Annotated[str, form(r"^ref_[A-Za-z0-9_]{1,60}$", _REFERENCE), AfterValidator(printable)]
    deadline_seconds: Annotated[int, Field(ge=1, le=30 * 24 * 3600)] | None = None


class Address(Message):
    """The delivery address."""

    name: Text
    street: Text
    city: Text
    postcode: Annotated[str, form(r"^[A-Za-z0-9][A-Za-z0-9 -]{0,11}$", _POSTCODE)]
    country: Annotated[str, form(r"^[A-Z]{2}$", "a country of two capital letters, such as FR")]


class Order(Message):
    """One order; `total` is the price that the customer saw, in minor units; the order is rejected if it has changed.

    With `express`, each step is first tried as a local activity, which changes its latency but not its effect.
    """

    order_id: Id
    customer_id: Id
    currency: Literal["EUR"]
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST), AfterValidator(_one_line_per_sku)]
    payment: Annotated[Payment | BankTransfer, Field(discriminator="method")]
    ship_to: Address
    total: Minor | None = None
    deadline_seconds: Annotated[int, Field(ge=1, le=DEADLINE_AT_MOST)] | None = None
    express: bool = False

    def body_hash(self) -> str:
        """Return the fingerprint that distinguishes a repeated order from another one with the same id.

        The deadline and `express` are not part of it, because they change only how the order runs.
        """
        return fingerprint(self.model_copy(update={"deadline_seconds": None}), exclude={"express"})


def unread_order(order_id: str) -> Order:
    """Return a stand-in for an order that a recovery has not read yet: it has an id, no articles and no payment."""
    known: dict[str, Any] = {"payment": None, "ship_to": None}
    return Order.model_construct(order_id=order_id, customer_id="", currency="EUR", lines=(), **known)
