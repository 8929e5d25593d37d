"""What every request to an activity and every reply carries. The key in a request is its idempotency key.

An undo carries the key of the effect that it undoes, and nothing that only the effect's answer could tell.
"""

from models.base import Message


class Request(Message):
    """What every request of a step carries."""

    key: str
    order_id: str


class Reply(Message):
    """What every answer of a step carries: on which attempt it came."""

    attempt: int = 1


class Closed(Reply):
    """It is closed, with this outcome; with its reason where that was recorded before, under the other name."""

    outcome: str
    reason: str = ""
