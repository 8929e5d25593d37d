"""The base class of all messages: frozen, strict, and without unknown fields."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Immutable data that packages, workflows and clients exchange, in JSON outside of a process."""

    # Errors don't contain the input: it may be personal, and they appear in logs and in Temporal's history.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def fingerprint(message: BaseModel, exclude: set[str] | None = None) -> str:
    """Return the SHA-256 of a message's JSON in hex, independent of the order of its fields."""
    document = json.dumps(message.model_dump(mode="json", exclude=exclude), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()
