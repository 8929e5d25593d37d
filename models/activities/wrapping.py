"""Requests and replies of the activities of the gift-wrapping service."""

from typing import Annotated

from pydantic import Field

from models.activities.base import Reply, Request
from models.forms import form
from models.order import LINES_AT_MOST, Line


class WrapGift(Request):
    """Wrap the articles in this paper."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    paper: Annotated[str, form(r"^[a-z]{1,20}$", "1 to 20 lower-case letters")]


class Wrapped(Reply):
    """The paper that was used."""

    paper: str


class UnwrapGift(Request):
    """Undo the wrapping under this key, if any."""


class SettleWrapping(Request):
    """Make the wrapping under this key final."""


class Unwrapped(Reply):
    """The paper that was removed, None if there was no wrapping."""

    paper: str | None = None
