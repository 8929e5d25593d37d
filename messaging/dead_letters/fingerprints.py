"""What letters died of, apart from whom it hit: the same cause has the same fingerprint, whatever ids are in it."""

import hashlib
import re

# The most telling first: a uuid holds numbers, too.
_PARTICULARS = (
    re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE),
    re.compile(r"'[^']*'|\"[^\"]*\""),
    re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE),
    re.compile(r"\d+"),
)


def fingerprint_of(channel: str, error_type: str, cause: str, *ids: str | None) -> str:
    """Return a short hash of the channel, the kind of error and its cause without the ids, numbers and quotations."""
    # The longest first: an id may be part of another.
    for known in sorted((known for known in ids if known), key=len, reverse=True):
        cause = cause.replace(known, "#")
    for particular in _PARTICULARS:
        cause = particular.sub("#", cause)
    said = "\n".join((channel, error_type, " ".join(cause.split())))
    return hashlib.sha256(said.encode()).hexdigest()[:12]
