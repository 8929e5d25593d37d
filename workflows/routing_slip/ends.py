"""The steps of every slip before its first stop and after its last, and the call that closes an undone slip."""

from __future__ import annotations  # the module of Itinerary imports this one

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from temporalio import workflow

from temporal_saga import Call, Group, InWorkflow, Kind, Policy, Run, Step
from workflows import policies
from workflows.alerts import alert_call

if TYPE_CHECKING:
    from workflows.routing_slip.itinerary import Itinerary

with workflow.unsafe.imports_passed_through():
    from activities.slips import SlipActivities
    from models.activities.base import Closed, Request, Settled
    from models.activities.operators import Alerted
    from models.activities.orders import REASON_AT_MOST
    from models.activities.slips import AcceptSlip, CloseSlip, RecordRevision, RevisionRecorded, SlipAccepted
    from models.problems import shown
    from models.slips.slip import CURRENCY, RECORD, Stop
    from models.slips.slip import SETTLE as SETTLING

SlipRun = Run["Itinerary"]
Steps: TypeAlias = "list[Step[Itinerary, Any] | Group[Itinerary]]"


@dataclass(frozen=True)
class SettledBy:
    """The activity that makes the effect of a stop final, and the type of its request."""

    activity: Callable[..., Awaitable[Settled]]
    request: type[Request]


def _accepting(run: SlipRun, key: str) -> AcceptSlip:
    return AcceptSlip(key=key, order_id=run.process, slip=run.subject.slip)


def _closing(run: SlipRun, key: str, *, settles: bool = False) -> CloseSlip:
    it = run.subject
    forward = not run.unwinding
    return CloseSlip(
        key=key,
        order_id=run.process,
        body_hash=it.body_hash,
        outcome="terminated" if forward and it.terminated else run.outcome,
        stops=it.done(run) if forward and settles else (),
        reason=shown(it.terminated or "", REASON_AT_MOST) if forward else run.reason,
    )


def _recording(version: int, ahead: tuple[Stop, ...], run: SlipRun, key: str) -> RecordRevision:
    body_hash = run.subject.slip.body_hash()
    return RecordRevision(key=key, order_id=run.process, body_hash=body_hash, version=version, ahead=ahead)


def record(version: int, ahead: tuple[Stop, ...]) -> Step[Itinerary, RevisionRecorded]:
    """Return the step that records a revision before its first stop."""
    do: Call[Itinerary, RevisionRecorded] = Call(
        SlipActivities.record_revision,
        partial(_recording, version, ahead),
        lambda _: f"record version {version}",
        policies.VALIDATE,
    )
    return Step(f"{RECORD}{version}", do=do, undo=None, has_effect=False)


async def _no_way_back(_run: SlipRun, _request: None) -> None:
    """Do nothing: the run passes its pivot by reaching this step."""


ALERT: Call[Itinerary, Alerted] = alert_call(lambda _: CURRENCY)
CLOSE: Call[Itinerary, Closed] = Call(SlipActivities.close_slip, _closing, lambda _: "keep the outcome", policies.CLOSE)


def _accepted(run: SlipRun) -> None:
    """Give a slip of an old history, which was settled by its last step, the end that it began with."""
    if run.answer_of(ACCEPT).apart is None:
        run.subject.settle_at_once(run)


# A slip with a shipment has its pivot there; any other slip has its pivot at COMMIT.
ACCEPT: Step[Itinerary, SlipAccepted] = Step(
    "accept",
    do=Call(SlipActivities.accept_slip, _accepting, lambda _: "accept the slip", policies.VALIDATE),
    undo=None,
    has_effect=False,
    then=_accepted,
)
COMMIT: Step[Itinerary, Any] = Step(
    "commit",
    do=InWorkflow(_no_way_back, lambda _run, _key: None, lambda _: "no way back from here"),
    undo=None,
    kind=Kind.PIVOT,
    has_effect=False,
)


def _last(name: str, summary: str, policy: Policy, *, settles: bool = False) -> Step[Itinerary, Closed]:
    do: Call[Itinerary, Closed] = Call(
        SlipActivities.close_slip, partial(_closing, settles=settles), lambda _: summary, policy
    )
    return Step(name, do=do, undo=None, kind=Kind.RETRIABLE)


def _recorded(policy: Policy) -> Policy:
    """Return a policy without a local attempt.

    The history records a local activity only together with its workflow task. If a task were lost that settled a slip
    whose pivot is COMMIT, nothing would say that the slip has passed it, and a cancel could turn it back.
    """
    return replace(policy, express=None)


# The ends of old histories, in which one step settled all stops and recorded the outcome.
SETTLE_AFTER_PIVOT = _last("settle", "settle stock and money", policies.COMPLETE, settles=True)
SETTLE = _last("settle", "settle stock and money", _recorded(policies.COMPLETE), settles=True)


def ends(stops: Sequence[tuple[str, SettledBy]], *, pivot: bool) -> Steps:
    """Return the steps after the last stop.

    `stops`: the stops with an effect in their order, each with the activity that settles it. The last one is settled
    alone and first: its undo is the first on every way back, so its participant decides between forward and back.
    `pivot` is whether one of the stops is the pivot.
    """
    # Nothing is undone behind COMMIT: a run that has not recorded it is recovered backwards.
    first, other = (policies.SETTLE_FIRST, policies.SETTLE) if pivot else (_recorded(policies.SETTLE),) * 2
    numbered = enumerate(reversed(stops), start=1)
    settling = [_settlement(number, *stop, other if number > 1 else first) for number, stop in numbered]
    last = _last("complete", "keep the outcome", policies.COMPLETE if settling else _recorded(policies.COMPLETE))
    others = [Group(*settling[1:])] if settling[1:] else []
    return [*([] if pivot else [COMMIT]), *settling[:1], *others, last]


def _settlement(number: int, stop: str, by: SettledBy, policy: Policy) -> Step[Itinerary, Settled]:
    def ask(run: SlipRun, _key: str) -> Request:
        return by.request(key=run.key(stop), order_id=run.process)

    do: Call[Itinerary, Settled] = Call(by.activity, ask, lambda _: f"settle {stop}", policy)
    return Step(f"{SETTLING}{number}", do=do, undo=None, kind=Kind.RETRIABLE)
