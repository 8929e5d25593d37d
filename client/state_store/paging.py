"""Where a page of a list ended, as the text that `--after` takes back: sealed, so that another text is noticed."""

import base64
import binascii
import zlib

from models.errors import InvalidInput

SEAL_BYTES = 4


def token_of(what: str, place: bytes) -> str:
    """Return the text for a place in this list."""
    return base64.urlsafe_b64encode(_seal(what, place) + place).decode()


def place_of(what: str, token: str) -> bytes:
    """Return the place that a page of this list gave; raise InvalidInput for anything else, a truncated one too."""
    try:
        sealed = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        sealed = b""
    seal, place = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
    # The server's own places are opaque to us: it is asked for minutes, in vain, about one that isn't its own.
    if not place or seal != _seal(what, place):
        raise InvalidInput("--after", "is not what a page of this list gave as `next`")
    return place


def _seal(what: str, place: bytes) -> bytes:
    return zlib.crc32(what.encode() + place).to_bytes(SEAL_BYTES)
