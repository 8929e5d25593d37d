"""The messages of the reconciler and of recoveries: open processes, lost ones, and the rounds of the reconciler."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from models.base import Message
from models.commands import Verb
from models.external_events import ExternalEvent
from models.money import Money
from models.order import Order
from models.slips.slip import RoutingSlip

PAGE_AT_MOST = 1000
A_DAY = 24 * 3600.0


class OpenProcess(Message):
    """An accepted process without an outcome: its stored body in JSON, its fingerprint, and its age in seconds.

    `total` is the price of an order, None for a slip. `revisions` are the stops ahead after each recorded revision of a
    slip, as JSON.
    """

    body: str
    body_hash: str
    age_seconds: float
    total: Money | None = None
    revisions: str = "[]"


class EffectReceipt(Message):
    """The receipt of one step in one service: its status, when it was written, and the charged amount, if any."""

    step: str
    status: str
    at: datetime
    amount: Money | None = None


class RecoverProcess(Message):
    """The input of a recovery: the id of an order or a slip. The recovery reads everything else itself.

    `run_id` is the run that was lost. It is only one more run whose history is read, because Temporal's list of runs
    may be some seconds late.
    """

    process_id: str
    run_id: str | None = None


class LostOrder(Message):
    """An accepted order without a workflow; `cause` is how its workflow was lost.

    `resolved`: step name → the verb of the operator's decision; `event` is the one that the lost run had accepted;
    `apart` is as in OrderAccepted. For `fresh_seconds` an order that never ran may start as if it were new, unless a
    service knows it.
    """

    order: Order
    total: Money
    cause: str
    resolved: dict[str, Verb] = Field(default_factory=dict)
    event: ExternalEvent | None = None
    apart: tuple[str, ...] | None = None
    fresh_seconds: float = 0.0


class RecoverOrder(RecoverProcess):
    """The input of RecoverOrderWorkflow; only old histories have `recorded`, and only their replay uses it."""

    recorded: LostOrder | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_old_history(cls, document: Any) -> Any:
        if isinstance(document, dict) and "order" in document:
            # Again as JSON: only there may a strict model read a list as a tuple.
            recorded = LostOrder.model_validate_json(json.dumps(document))
            return {"process_id": recorded.order.order_id, "recorded": recorded}
        return document


class LostStop(Message):
    """A stop of a lost slip that may have begun; `done` when its receipt says that its effect is in force.

    `at_risk` is the amount that its effect may cost, in minor units.
    """

    name: str
    activity: str
    done: bool = False
    at_risk: int = 0


class LostSlip(Message):
    """An accepted slip without a workflow; `cause` is how its workflow was lost.

    `begun` are the stops with an effect that the histories name, in order of start; `planned` those of the itinerary
    with its recorded revisions. `asks` are the activities with whose receipts they become `stops`; None in histories
    from before the recovery asked the services, which have the stops already. `resolved`, `apart` and `fresh_seconds`
    are as in LostOrder. `settles` is the outcome with which the lost run was settling its stops, None before that;
    `reason` is the reason for that outcome.
    """

    slip: RoutingSlip
    body_hash: str
    cause: str
    stops: tuple[LostStop, ...] = ()
    begun: tuple[LostStop, ...] = ()
    planned: tuple[LostStop, ...] = ()
    asks: tuple[str, ...] | None = None
    resolved: dict[str, Verb] = Field(default_factory=dict)
    settles: Literal["completed", "terminated"] | None = None
    reason: str = ""
    apart: tuple[str, ...] | None = None
    fresh_seconds: float = 0.0


class Reconciled(Message):
    """The counts of a round of the reconciler; `next` is the cursor, None at the end.

    `failed` are the processes that could not be examined in this round; the next round examines them again. `started`
    is only counted in old histories: the recovery decides whether a process starts as if it were new.
    """

    looked_at: int = 0
    started: int = 0
    recovering: int = 0
    dead: int = 0
    failed: int = 0
    alerts_given_up: int = 0
    next: str | None = None

    def plus(self, other: "Reconciled") -> "Reconciled":
        """Return the sum of both counts, with the cursor of the other."""
        counted = {
            name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields if name != "next"
        }
        return Reconciled(**counted, next=other.next)


class Reconcile(Message):
    """A round of the reconciler: open processes after the path `after` and older than `grace_seconds`.

    `limit` is the number per page. An alert that no operator has received after `alert_seconds` is given up; `so_far`
    are the counts of earlier runs.
    """

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_AT_MOST)] = 100
    grace_seconds: Annotated[float, Field(ge=0, le=A_DAY)] = 10.0
    alert_seconds: Annotated[float, Field(ge=600, le=A_DAY)] = 900.0
    so_far: Reconciled = Reconciled()


class FailedRecovery(Message):
    """Why a recovery failed, and the number of attempts. The process is the one whose workflow reports it.

    `at_risk` is what its effects may cost at most, None when the recovery doesn't know it.
    """

    cause: str
    attempts: int
    at_risk: Money | None = None


class SendAlert(Message):
    """The key of an alert that is sent again."""

    key: str
