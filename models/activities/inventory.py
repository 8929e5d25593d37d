"""Requests and replies of the activities of the inventory service."""

from typing import Annotated

from pydantic import Field

from models.activities.base import Reply, Request
from models.order import LINES_AT_MOST, Line


class ReserveInventory(Request):
    """Reserve the articles."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]


class Reservation(Reply):
    """The reserved articles."""

    lines: tuple[Line, ...]


class ReleaseInventory(Request):
    """Release the reservation under this key, if any."""


class SettleStock(Request):
    """Sell what is reserved under this key."""


class Released(Reply):
    """The released articles; empty if there was no reservation."""

    lines: tuple[Line, ...] = ()
