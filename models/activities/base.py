"""The common fields of the activities' requests and replies; `key` is the idempotency key.

An undo has the key of the effect that it undoes, and no field that depends on the effect's reply, which may be lost.
"""

from models.base import Message


class Request(Message):
    """The common fields of a step's requests."""

    key: str
    order_id: str


class Reply(Message):
    """The common field of a step's replies: the number of the attempt, 1-based."""

    attempt: int = 1


class Closed(Reply):
    """The recorded outcome, and its reason if an earlier call recorded another one."""

    outcome: str
    reason: str = ""
