"""Requests and replies of the activities of the shipping service."""

from typing import Annotated

from pydantic import Field

from models.activities.base import Reply, Request
from models.order import LINES_AT_MOST, Address, Line


class CreateShipment(Request):
    """Hand these articles to the carrier."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    ship_to: Address


class Shipment(Reply):
    """The parcel, with the carrier's tracking number."""

    tracking: str


class FindParcel(Request):
    """Ask whether there is a parcel under this key; the articles and the address are not known."""


class CancelShipment(Request):
    """Recall the parcel under this key, if any."""


class SettleShipment(Request):
    """Make the parcel under this key final: it can't be recalled any more."""


class Recalled(Reply):
    """The tracking number of the recalled parcel, None if there was no parcel."""

    tracking: str | None = None
