"""The errors of this project; the class decides whether a call is retried.

OrderError
├── InvalidInput           invalid input from the caller; names the field; no effect was started
├── Refused                a business refusal: final and benign; the key has no effect, now or later
│   ├── OrderRejected      unknown article, price changed
│   ├── OutOfStock
│   ├── CardDeclined
│   ├── TransferRefused    another amount than the expected one
│   ├── ShipmentRefused
│   └── WrapRefused
├── Final                  a retry can't succeed
│   ├── Conflict           this order id was used for another order
│   │   └── WorkflowGone   the process is open, and Temporal no longer has its workflow
│   ├── KeyReused          this idempotency key was used for another request
│   ├── AlreadyUndone      a late do found its tombstone, or a settlement an undone effect
│   ├── AlreadySettled     a late undo found a completed order
│   ├── NotAccepted        no accepted order or slip has this step with these values
│   ├── NotFound
│   ├── NotSetUp           the server or the database lacks what `starter.py setup` or an administrator creates
│   └── WrongInstallation  the database and the namespace belong to different installations
└── Unavailable            retry, after `retry_after` seconds if that is set
    └── NotBegun           nothing of the request was begun: it uses up no attempt
"""

from collections.abc import Sequence
from typing import Self

# The further mistakes of a document are only counted.
MISTAKES_AT_MOST = 20


class OrderError(Exception):
    """The base class of the errors of this project."""


class InvalidInput(OrderError):
    """Invalid input from the caller, with a message of one line that names the field.

    `others` are the further mistakes of a document, each one line as well.
    """

    def __init__(self, field: str, problem: str, *, others: tuple[str, ...] = ()) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem, self.others = field, problem, others

    @classmethod
    def of(cls, mistakes: Sequence[tuple[str, str]], what: str) -> Self:
        """Return one error for the mistakes (field, problem) of the document `what`, of which there is at least one."""
        (field, problem), *more = mistakes
        others = [f"{other}: {its_problem}" for other, its_problem in more[: MISTAKES_AT_MOST - 1]]
        if left := len(more) - len(others):
            others.append(f"{what}: has {left} more mistakes")
        return cls(field, problem, others=tuple(others))


class Refused(OrderError):
    """A participant refused the request: never retried, and recorded under its idempotency key."""


class OrderRejected(Refused):
    """The order can't be accepted: unknown article or changed price."""


class OutOfStock(Refused):
    """The stock of an article is too low."""


class CardDeclined(Refused):
    """The provider refused the charge."""


class TransferRefused(Refused):
    """The transfer that arrived is not the expected one."""


class ShipmentRefused(Refused):
    """The carrier refused the parcel."""


class WrapRefused(Refused):
    """The gift-wrapping service doesn't have the paper."""


class Final(OrderError):
    """A failure that a retry can't repair."""


class Conflict(Final):
    """The id is already used with another body."""


class WorkflowGone(Conflict):
    """The process is open, and Temporal no longer has its workflow; the reconciler recovers it."""


class KeyReused(Final):
    """The idempotency key is already used for another request."""


class AlreadyUndone(Final):
    """The effect was undone, or its undo came first: the key refuses every later do, and can't be settled."""


class AlreadySettled(Final):
    """The order was completed: its effects can't be undone any more."""


class NotAccepted(Final):
    """No order or slip was accepted that has this step with these values; nothing was done or recorded."""


class NotFound(Final):
    """No such order, slip, letter or event exists."""


class NotSetUp(Final):
    """The server or the database lacks what this project needs; the message names the command or setting that helps."""


class WrongInstallation(Final):
    """The database and the namespace of Temporal don't belong to each other."""


class Unavailable(OrderError):
    """A dependency can't answer now; `retry_after` is the time in seconds that it asked to wait, or None.

    `lasting`: only a person can change that, as with a missing right, so that a command doesn't wait for it.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.lasting = retry_after, lasting


class NotBegun(Unavailable):
    """Nothing of the request was begun, so it has had no effect."""


BY_NAME: dict[str, type[Refused]] = {
    cls.__name__: cls
    for cls in (OrderRejected, OutOfStock, CardDeclined, TransferRefused, ShipmentRefused, WrapRefused)
}
