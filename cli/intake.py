"""What a person typed or sent, before anything is asked of a server."""

import errno
import getpass
import os
import sys
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
    """Return the order in a file, or on stdin for `-`; raise InvalidInput with the file or the field at fault."""
    return reading.read_order(_read(source))


def read_request(source: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on stdin for `-`; raise InvalidInput that says what is wrong with it."""
    return read_object(_read(source), "--request")


def printable(option: str, text: str, longest: int) -> str:
    """Return a text that goes into an order's history; raise InvalidInput when it is empty, long or unprintable."""
    if not 1 <= len(text.strip()) <= longest or len(text) > longest or not text.isprintable():
        raise InvalidInput(option, f"must be 1 to {longest} printable characters")
    if holds_card_number(text):
        raise InvalidInput(option, "looks like a card number; leave it out")
    return text


def reason(text: str) -> str:
    """Return the reason that a person gave, or raise InvalidInput."""
    return printable("--reason", text, REASON_AT_MOST)


def actor(text: str | None) -> str:
    """Return who asks, by default who is logged in; raise InvalidInput."""
    try:
        return printable("--actor", getpass.getuser() if text is None else text, NAME_AT_MOST)
    except (KeyError, OSError):  # a container's user may have no name
        raise InvalidInput("--actor", "must be given; nobody is logged in by name") from None


def read_slip(source: str) -> RoutingSlip:
    """Return the routing slip in a file, or on stdin for `-`; raise InvalidInput with what is at fault."""
    return reading.read_slip(_read(source))


def read_payload(source: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on stdin for `-`; raise InvalidInput with the file or what is wrong."""
    return read_object(_read(source), "payload")


def order_id(text: str, field: str = "ID") -> str:
    """Return an order id as it was typed; raise InvalidInput naming the field when no order can have it."""
    if not is_id(text):
        raise InvalidInput(field, _ID)
    return text


def process(text: str) -> str:
    """Return what a process is called as it was typed; raise InvalidInput when no order or slip can be called so."""
    if not readings(text):
        raise InvalidInput("ID", f"{_ID}; or orders/ID, slips/ID")
    return text


def _read(source: str) -> bytes:
    """Read at most one byte more than an order may have, so that an endless source does no harm."""
    try:
        with _opened(source) as document:
            return document.read(BYTES_AT_MOST + 1)
    except OSError as error:
        raise InvalidInput(source, (error.strerror or str(error)).lower()) from None
    except ValueError:  # what open() says of a NUL in a name, and read() of a closed stdin
        raise InvalidInput(source, "can't be read") from None


def _opened(source: str) -> AbstractContextManager[BinaryIO]:
    if source != "-":
        return Path(source).open("rb")
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return nullcontext(sys.stdin.buffer)
