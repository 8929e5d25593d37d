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
│   ├── KeyReused          this idempotency key was used for another request
│   ├── AlreadyUndone      a late do found its tombstone
│   ├── AlreadySettled     a late undo found a completed order
│   └── NotFound
└── Unavailable            retry, after `retry_after` seconds if that is set
    └── NotBegun           nothing of the request was begun: it uses up no attempt
"""


class OrderError(Exception):
    """The base class of the errors of this project."""


class InvalidInput(OrderError):
    """Invalid input from the caller, with a message of one line that names the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


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


class KeyReused(Final):
    """The idempotency key is already used for another request."""


class AlreadyUndone(Final):
    """The effect was undone, or its undo came first: the key refuses every later do."""


class AlreadySettled(Final):
    """The order was completed: its effects can't be undone any more."""


class NotFound(Final):
    """No such order, slip, letter or event exists."""


class Unavailable(OrderError):
    """A dependency can't answer now; `retry_after` is the time in seconds that it asked to wait, or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotBegun(Unavailable):
    """Nothing of the request was begun, so it has had no effect."""


BY_NAME: dict[str, type[Refused]] = {
    cls.__name__: cls
    for cls in (OrderRejected, OutOfStock, CardDeclined, TransferRefused, ShipmentRefused, WrapRefused)
}
