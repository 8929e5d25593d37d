"""Money: whole minor units (cents) of one currency, never a float."""

from typing import Annotated

from pydantic import Field

from models.base import Message
from models.forms import form

Currency = Annotated[str, form(r"^[A-Z]{3}$", "a currency of three capital letters, such as EUR")]
Minor = Annotated[int, Field(ge=0, le=10**12)]


class Money(Message):
    """An amount in minor units of an ISO 4217 currency: Money(amount=5990, currency="EUR") is 59.90 EUR."""

    amount: Minor
    currency: Currency

    def __str__(self) -> str:
        return f"{self.amount // 100}.{self.amount % 100:02d} {self.currency}"
