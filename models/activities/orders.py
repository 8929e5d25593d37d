"""Requests and replies of the activities of the orders service."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from models.activities.base import BodyHash, Reply, Request
from models.money import Minor, Money
from models.order import LINES_AT_MOST, Line
from models.texts import one_line

REASON_AT_MOST = 1000


class Priced(Reply):
    """The catalogue's price."""

    total: Money


class OrderAccepted(Priced):
    """The order is accepted at this price.

    `apart` are the services that were apart then. None in histories from before each service settled its effect by
    itself.
    """

    apart: tuple[str, ...] | None = None


class PriceArticles(Request):
    """Price the articles by the catalogue; rejected when `total`, in minor units, is given and differs."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    total: Minor | None = None


class CompleteOrder(Request):
    """Close the order of this body: record its outcome.

    `settled`: the services have settled the effects of a completed order. Otherwise, as in histories from before these
    had steps of their own, they are settled first.
    """

    body_hash: BodyHash
    outcome: Literal["completed", "compensated", "cancelled", "failed"]
    reason: Annotated[str, Field(max_length=REASON_AT_MOST), AfterValidator(one_line)] = ""
    settled: bool = False
