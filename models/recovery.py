"""What the upkeep of orders passes around: an order whose run was lost, a page of the search for such orders."""

from pydantic import Field

from models.base import Message
from models.commands import Verb
from models.external_events import ExternalEvent
from models.money import Money
from models.order import Order


class OpenOrder(Message):
    """An accepted order without an outcome: its body as it was kept, in JSON; its price; its age in seconds."""

    order_id: str
    body: str
    total: Money
    age_seconds: float


class LostOrder(Message):
    """An accepted order that no workflow looks after any more, and why.

    resolved are the steps that people have settled by hand, `event` is the one that its run had accepted.
    """

    order: Order
    total: Money
    cause: str
    resolved: dict[str, Verb] = Field(default_factory=dict)
    event: ExternalEvent | None = None


class Reconciled(Message):
    """What was looked at, started for the first time, recovered and given up; `next` is None at the end."""

    looked_at: int = 0
    started: int = 0
    recovering: int = 0
    dead: int = 0
    alerts_given_up: int = 0
    next: str | None = None

    def plus(self, other: "Reconciled") -> "Reconciled":
        """Return both together, at the place of the other."""
        counted = {
            name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields if name != "next"
        }
        return Reconciled(**counted, next=other.next)


class Reconcile(Message):
    """Look at the open orders behind `after`: those older than `grace_seconds`, `limit` at a time.

    An alert that nobody was told of `alert_seconds` after it was raised is given up then; `so_far` is what this round
    did before.
    """

    after: str | None = None
    limit: int = 100
    grace_seconds: float = 10.0
    alert_seconds: float = 900.0
    so_far: Reconciled = Reconciled()


class FailedRecovery(Message):
    """A recovery that came to nothing, and after how many attempts of what failed."""

    order: Order
    cause: str
    attempts: int
