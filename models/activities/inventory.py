"""Requests and replies of the activities of the inventory service."""

from models.activities.base import Reply, Request
from models.order import Line


class ReserveInventory(Request):
    """Reserve the articles."""

    lines: tuple[Line, ...]


class Reservation(Reply):
    """The reserved articles."""

    lines: tuple[Line, ...]


class ReleaseInventory(Request):
    """Release the reservation under this key, if any."""


class Released(Reply):
    """The released articles; empty if there was no reservation."""

    lines: tuple[Line, ...] = ()
