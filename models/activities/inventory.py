"""What the activities of the inventory service are asked, and what they answer."""

from models.activities.base import Reply, Request
from models.order import Line


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
