"""What every message of the house has in common: frozen, strict, and closed to unknown fields."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Plain data that travels between the rooms; it can't be changed once made."""

    # Without the input: it may be personal, and an error's text ends up in logs and in Temporal's history.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def fingerprint(message: BaseModel, exclude: set[str] | None = None) -> str:
    """Return the SHA-256, in hex, of what a message says, whatever the order of its fields was."""
    said = json.dumps(message.model_dump(mode="json", exclude=exclude), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()
