"""Page tokens: the position where a page ended, as the text that `--after` accepts, with a checksum."""

import base64
import binascii
import zlib

from models.errors import InvalidInput

SEAL_BYTES = 4


def token_of(what: str, place: bytes) -> str:
    """Return the token of a position in the list `what`."""
    return base64.urlsafe_b64encode(_seal(what, place) + place).decode()


def place_of(what: str, token: str) -> bytes:
    """Return the position in a token; raise InvalidInput when the token is truncated or of another list."""
    try:
        sealed = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        sealed = b""
    seal, place = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
    # The server retries a foreign page token for minutes, so the checksum rejects one before the call.
    if not place or seal != _seal(what, place):
        raise no_token()
    return place


def no_token() -> InvalidInput:
    """Return the error for a token that this list has not made."""
    return InvalidInput("--after", "is not a `next` token of this list; use the one from the previous page")


def _seal(what: str, place: bytes) -> bytes:
    return zlib.crc32(what.encode() + place).to_bytes(SEAL_BYTES)
