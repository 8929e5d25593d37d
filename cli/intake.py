"""Read and check arguments, options and files, before a server is called."""

import errno
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import InvalidInput
from models.intake import reading
from models.intake.documents import BYTES_AT_MOST, read_object
from models.names import is_id, readings
from models.order import Order
from models.slips.slip import RoutingSlip
from models.texts import holds_card_number

REASON_AT_MOST = 500
NAME_AT_MOST = 100
_ID = "must be 1 to 64 letters, digits, - and _, and start with a letter or a digit"


def read_order(source: str) -> Order:
    """Return the order in a file, or on stdin for `-`; raise InvalidInput, naming the file or the field."""
    return reading.read_order(_read(source))


def read_request(source: str) -> dict[str, Any]:
    """Return the JSON object of `--request` in a file, or on stdin for `-`; raise InvalidInput."""
    return read_object(_read(source), "--request")


def checked(checks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Return the result of each check, by its name; raise one InvalidInput for all that fail."""
    found, mistakes = dict[str, Any](), list[tuple[str, str]]()
    for name, check in checks.items():
        try:
            found[name] = check()
        except InvalidInput as mistake:
            mistakes.append((mistake.field, mistake.problem))
    if mistakes:
        raise InvalidInput.of(mistakes, "")
    return found


def printable(option: str, text: str, longest: int) -> str:
    """Return a text for an order's history; raise InvalidInput when it is empty, too long or unprintable."""
    if not 1 <= len(text.strip()) <= longest or len(text) > longest or not text.isprintable():
        raise InvalidInput(option, f"must be 1 to {longest} printable characters")
    if holds_card_number(text):
        raise InvalidInput(option, "looks like a card number; remove it")
    return text


def reason(text: str) -> str:
    """Return the reason of a command; raise InvalidInput."""
    return printable("--reason", text, REASON_AT_MOST)


def actor(text: str | None) -> str:
    """Return the actor, by default the user who is logged in; raise InvalidInput."""
    try:
        return printable("--actor", getpass.getuser() if text is None else text, NAME_AT_MOST)
    except (KeyError, OSError):  # a container's user may have no name
        raise InvalidInput("--actor", "must be given: the current user has no name") from None


def read_slip(source: str) -> RoutingSlip:
    """Return the routing slip in a file, or on stdin for `-`; raise InvalidInput, naming the file or the field."""
    return reading.read_slip(_read(source))


def read_payload(source: str) -> dict[str, Any]:
    """Return the JSON object of an event's payload in a file, or on stdin for `-`; raise InvalidInput."""
    return read_object(_read(source), "payload")


def order_id(text: str, field: str = "ID") -> str:
    """Return a valid order id; raise InvalidInput, naming the field."""
    if not is_id(text):
        raise InvalidInput(field, _ID)
    return text


def process(text: str) -> str:
    """Return a valid id or path of a process; raise InvalidInput."""
    if not readings(text):
        raise InvalidInput("ID", f"{_ID}; or orders/ID, slips/ID")
    return text


def _read(source: str) -> bytes:
    """Read at most one byte more than the limit, so that an endless source ends."""
    try:
        with _opened(source) as document:
            return document.read(BYTES_AT_MOST + 1)
    except OSError as error:
        raise InvalidInput(source, (error.strerror or str(error)).lower()) from None
    except ValueError:  # open() raises it for a NUL in the name, read() for a closed stdin
        raise InvalidInput(source, "can't be read") from None


def _opened(source: str) -> AbstractContextManager[BinaryIO]:
    if source != "-":
        return Path(source).open("rb")
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return nullcontext(sys.stdin.buffer)
