"""Fingerprints of dead letters: the same cause has the same fingerprint, whatever ids its text holds."""

import hashlib
import re

# The most specific pattern first: a UUID contains numbers, too.
_VARIABLE_PARTS = (
    re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE),
    re.compile(r"'[^']*'|\"[^\"]*\""),
    re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE),
    re.compile(r"\d+"),
)


def fingerprint_of(channel: str, error_type: str, cause: str, *ids: str | None) -> str:
    """Return a short hash of the channel, the error type, and the cause without ids, numbers and quoted texts."""
    # The longest id first: an id may be part of another.
    for known in sorted((known for known in ids if known), key=len, reverse=True):
        cause = cause.replace(known, "#")
    for part in _VARIABLE_PARTS:
        cause = part.sub("#", cause)
    text = "\n".join((channel, error_type, " ".join(cause.split())))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
