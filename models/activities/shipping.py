"""What the activities of the shipping service are asked, and what they answer."""

from models.activities.base import Reply, Request
from models.order import Address, Line


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
