"""Every error of the house, and what its class decides.

OrderError
├── InvalidInput           the caller's own mistake; names the field; nothing was started
├── Refused                a business answer: final, benign, nothing happened and nothing will under this key
│   ├── OrderRejected      unknown article, price changed
│   ├── OutOfStock
│   ├── CardDeclined
│   ├── TransferRefused    another amount than was asked for
│   ├── ShipmentRefused
│   └── WrapRefused
├── Final                  asking again can't help
│   ├── Conflict           this order id was used for another order
│   ├── KeyReused          this idempotency key was used for another request
│   ├── AlreadyUndone      a late do found its tombstone
│   ├── AlreadySettled     a late undo found that the order was completed
│   └── NotFound
└── Unavailable            ask again, after `retry_after` seconds when the other side said so
"""


class OrderError(Exception):
    """Anything this project raises on purpose."""


class InvalidInput(OrderError):
    """The caller's own mistake, told in one line that names the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


class Refused(OrderError):
    """A participant's answer is no: never retried, and remembered under its key."""


class OrderRejected(Refused):
    """The order can't be taken as it is: unknown article, changed price."""


class OutOfStock(Refused):
    """There is not enough of an article."""


class CardDeclined(Refused):
    """The provider refused the charge."""


class TransferRefused(Refused):
    """The transfer that arrived is not the one that was asked for."""


class ShipmentRefused(Refused):
    """The carrier doesn't take the parcel."""


class WrapRefused(Refused):
    """The wrapping desk doesn't have what was asked for."""


class Final(OrderError):
    """Asking again can't help."""


class Conflict(Final):
    """The same id, another body."""


class KeyReused(Final):
    """The same idempotency key, another request."""


class AlreadyUndone(Final):
    """The effect was undone, or its undo came first: it must not happen any more."""


class AlreadySettled(Final):
    """The order was completed: its effect is no longer ours to undo."""


class NotFound(Final):
    """There is no such order."""


class Unavailable(OrderError):
    """The other side can't answer now; `retry_after` is in seconds when it said when to come back."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


BY_NAME: dict[str, type[Refused]] = {
    cls.__name__: cls
    for cls in (OrderRejected, OutOfStock, CardDeclined, TransferRefused, ShipmentRefused, WrapRefused)
}
