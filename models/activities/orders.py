"""Requests and replies of the activities of the orders service."""

from typing import Annotated, Literal

from pydantic import Field

from models.activities.base import Reply, Request
from models.money import Minor, Money
from models.order import LINES_AT_MOST, Line


class Priced(Reply):
    """The catalogue's price at which the order was accepted."""

    total: Money


class PriceArticles(Request):
    """Price the articles by the catalogue; rejected when `total`, in minor units, is given and differs."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    total: Minor | None = None


class CompleteOrder(Request):
    """Close the order: record its outcome and, if it was completed, settle the effects of these keys."""

    outcome: Literal["completed", "compensated", "cancelled", "failed"]
    reserve_key: str
    charge_key: str
    ship_key: str
    reason: str = ""
