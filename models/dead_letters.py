"""Dead letters: undeliverable or unreadable messages, with cause and place, until an operator decides.

After the pattern "Dead Letter Channel" in Hohpe and Woolf, Enterprise Integration Patterns.
"""

from datetime import datetime
from enum import StrEnum

from models.base import Message


class LetterStatus(StrEnum):
    """The status of a dead letter; the last two are final."""

    OPEN = "open"
    REDRIVING = "redriving"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class Undeliverable(Message):
    """A message that becomes a dead letter; `message_id` is its original id, kept by every redrive.

    `original` is the message as received; with `blocks`, later messages of the same process wait behind the letter.
    `at_risk` is what the effect behind it may cost, in minor units of `currency`.
    """

    channel: str
    message_id: str
    original: bytes
    error_type: str
    cause: str
    attempts: int
    process_id: str | None = None
    correlation_id: str | None = None
    place: str = ""
    blocks: bool = True
    at_risk: int = 0
    currency: str = ""


class DeadLetter(Undeliverable):
    """A dead letter; `attempts` counts those since its last redrive, `total_attempts` all of them."""

    letter_id: int
    status: LetterStatus
    fingerprint: str
    total_attempts: int
    returned: int
    parent_id: int | None
    died_at: datetime


class LetterGroup(Message):
    """Open letters with the same fingerprint: their number, the oldest one, and one of their causes."""

    fingerprint: str
    channel: str
    error_type: str
    cause: str
    count: int
    oldest: datetime
    processes: int


class LetterAudit(Message):
    """One line of a letter's audit trail: the action, its actor and the reason."""

    at: datetime
    action: str
    actor: str
    reason: str


class RedriveResult(Message):
    """The result of a redrive: redriven, or open again with the new cause.

    `in_progress`: the message was handed over, and was not processed yet; if it fails, its letter opens again.
    """

    letter_id: int
    status: LetterStatus
    fingerprint: str
    cause: str = ""
    in_progress: bool = False
