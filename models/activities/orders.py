"""What the activities of the orders service are asked, and what they answer."""

from typing import Annotated, Literal

from pydantic import Field

from models.activities.base import Reply, Request
from models.money import Minor, Money
from models.order import LINES_AT_MOST, Line


class Priced(Reply):
    """The order was accepted, at the catalogue's price."""

    total: Money


class PriceArticles(Request):
    """Tell the catalogue's price; refused when it isn't `total`, in minor units, where one is given."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    total: Minor | None = None


class CompleteOrder(Request):
    """Close the order: keep its outcome and, when it was completed, settle what was pending."""

    outcome: Literal["completed", "compensated", "cancelled", "failed"]
    reserve_key: str
    charge_key: str
    ship_key: str
    reason: str = ""
