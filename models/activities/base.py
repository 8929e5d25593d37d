"""The common fields of the activities' requests and replies; `key` is the idempotency key.

An undo has the key of the effect that it undoes, and no field that depends on the effect's reply, which may be lost.
"""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from models.base import Message
from models.forms import form
from models.names import is_key_of, is_process

BodyHash = Annotated[str, form(r"^[0-9a-f]{64}$", "a SHA-256 in hex")]


class Request(Message):
    """The common fields of a step's requests: the process, and the key `{process}:{step}`.

    `order_id` is the id of an order, or `slip.` and the id of a slip.
    """

    # A pattern of what follows the step in the key.
    _more: ClassVar[str] = ""

    key: str
    order_id: str

    @model_validator(mode="after")
    def _a_key_of_this_process(self) -> Self:
        if not is_process(self.order_id):
            raise ValueError("order_id: is not the id of an order or a slip")
        if not is_key_of(self.order_id, self.key, more=self._more):
            raise ValueError("key: is not order_id, a colon and the name of a step")
        return self


class Reply(Message):
    """The common field of a step's replies: the number of the attempt, 1-based."""

    attempt: int = 1


class Settled(Reply):
    """The effect is final: nothing can undo it any more."""


class Closed(Reply):
    """The recorded outcome, and its reason if an earlier call recorded another one."""

    outcome: str
    reason: str = ""
