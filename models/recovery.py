"""The messages of the reconciler and of recoveries: lost orders, and the pages of open orders."""

from pydantic import Field

from models.base import Message
from models.commands import Verb
from models.external_events import ExternalEvent
from models.money import Money
from models.order import Order


class OpenOrder(Message):
    """An accepted order without an outcome: its stored body in JSON, its price, and its age in seconds."""

    order_id: str
    body: str
    total: Money
    age_seconds: float


class LostOrder(Message):
    """An accepted order without a workflow; `cause` is how its workflow was lost.

    `resolved`: step name → the verb of the operator's decision; `event` is the one that the lost run had accepted.
    """

    order: Order
    total: Money
    cause: str
    resolved: dict[str, Verb] = Field(default_factory=dict)
    event: ExternalEvent | None = None


class Reconciled(Message):
    """The counts of a round of the reconciler; `next` is the cursor, None at the end."""

    looked_at: int = 0
    started: int = 0
    recovering: int = 0
    dead: int = 0
    alerts_given_up: int = 0
    next: str | None = None

    def plus(self, other: "Reconciled") -> "Reconciled":
        """Return the sum of both counts, with the cursor of the other."""
        counted = {
            name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields if name != "next"
        }
        return Reconciled(**counted, next=other.next)


class Reconcile(Message):
    """A round of the reconciler: open orders after the id `after` and older than `grace_seconds`, `limit` per page.

    An alert that no operator has received after `alert_seconds` is given up; `so_far` are the counts of earlier runs.
    """

    after: str | None = None
    limit: int = 100
    grace_seconds: float = 10.0
    alert_seconds: float = 900.0
    so_far: Reconciled = Reconciled()


class FailedRecovery(Message):
    """A failed recovery, with its cause and the number of attempts."""

    order: Order
    cause: str
    attempts: int
