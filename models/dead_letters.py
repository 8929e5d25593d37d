"""Dead letters: what could not be delivered or understood, whole, with why and where, until a person decides."""

from datetime import datetime
from enum import StrEnum

from models.base import Message


class LetterStatus(StrEnum):
    """Where a dead letter is; the last two are final."""

    OPEN = "open"
    REDRIVING = "redriving"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class Undeliverable(Message):
    """A message on its way to the dead letters; `message_id` is its id of before, which it keeps for ever.

    With `blocks`, later messages of the same process wait behind it.
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


class DeadLetter(Undeliverable):
    """A dead letter; `attempts` counts since its last redrive, `total_attempts` all of its lives."""

    letter_id: int
    status: LetterStatus
    fingerprint: str
    total_attempts: int
    returned: int
    parent_id: int | None
    died_at: datetime


class LetterGroup(Message):
    """Open letters that died of the same: how many, since when, and one of their causes."""

    fingerprint: str
    channel: str
    error_type: str
    cause: str
    count: int
    oldest: datetime
    processes: int


class LetterAudit(Message):
    """One line of a letter's audit: it died, was redriven, came back, was discarded; by whom and why."""

    at: datetime
    action: str
    actor: str
    reason: str


class RedriveResult(Message):
    """What came of a redrive: redriven, or open again, with the new cause."""

    letter_id: int
    status: LetterStatus
    fingerprint: str
    cause: str = ""
