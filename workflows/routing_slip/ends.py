"""The steps of every slip before its first stop and after its last, and the call that closes an undone slip."""

from __future__ import annotations  # the module of Itinerary imports this one

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from temporalio import workflow

from temporal_saga import Call, InWorkflow, Kind, Policy, Run, Step
from workflows import policies
from workflows.alerts import alert_call

if TYPE_CHECKING:
    from workflows.routing_slip.itinerary import Itinerary

with workflow.unsafe.imports_passed_through():
    from activities.slips import SlipActivities
    from models.activities.base import Closed
    from models.activities.operators import Alerted
    from models.activities.orders import REASON_AT_MOST
    from models.activities.slips import AcceptSlip, CloseSlip, RecordRevision, RevisionRecorded, SlipAccepted
    from models.problems import shown
    from models.slips.slip import CURRENCY, RECORD, Stop

SlipRun = Run["Itinerary"]


def _accepting(run: SlipRun, key: str) -> AcceptSlip:
    return AcceptSlip(key=key, order_id=run.process, slip=run.subject.slip)


def _closing(run: SlipRun, key: str) -> CloseSlip:
    it = run.subject
    forward = not run.unwinding
    return CloseSlip(
        key=key,
        order_id=run.process,
        body_hash=it.body_hash,
        outcome="terminated" if forward and it.terminated else run.outcome,
        stops=it.done(run) if forward else (),
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

# A slip with a shipment has its pivot there; any other slip has its pivot at COMMIT.
ACCEPT: Step[Itinerary, SlipAccepted] = Step(
    "accept",
    do=Call(SlipActivities.accept_slip, _accepting, lambda _: "accept the slip", policies.VALIDATE),
    undo=None,
    has_effect=False,
)
COMMIT: Step[Itinerary, Any] = Step(
    "commit",
    do=InWorkflow(_no_way_back, lambda _run, _key: None, lambda _: "no way back from here"),
    undo=None,
    kind=Kind.PIVOT,
    has_effect=False,
)


def _settle(policy: Policy) -> Step[Itinerary, Closed]:
    do: Call[Itinerary, Closed] = Call(SlipActivities.close_slip, _closing, lambda _: "settle stock and money", policy)
    return Step("settle", do=do, undo=None, kind=Kind.RETRIABLE)


# Settlement may be a local activity only after a stop that was the pivot, because that stop's answer is in the history.
# A slip without such a stop has no record: if the workflow task of a local settlement were lost, a cancel could undo
# what has been sold.
SETTLE_AFTER_PIVOT = _settle(policies.COMPLETE)
SETTLE = _settle(replace(policies.COMPLETE, express=None))
