"""The stops of a lost slip as the steps of a saga: their undos by key, without the arguments, which may be lost."""

from typing import Any

from temporalio import workflow

from temporal_saga import Call, Kind, Saga, Step
from workflows import policies
from workflows.routing_slip.ends import CLOSE, COMMIT, SETTLE, SETTLE_AFTER_PIVOT, SlipRun, Steps, ends
from workflows.routing_slip.itinerary import Itinerary
from workflows.routing_slip.stops import STOPS

with workflow.unsafe.imports_passed_through():
    from activities.shipping import ShippingActivities
    from models.activities.shipping import FindParcel
    from models.errors import InvalidInput
    from models.recovery import LostSlip, LostStop
    from models.slips.slip import Revision, Stop


class LostItinerary(Itinerary):
    """The itinerary of a lost slip: the stops that may have begun, none ahead.

    `passed` is whether the lost run passed its point of no return, None when only the carrier knows that.
    """

    def __init__(self, lost: LostSlip) -> None:
        self.slip, self.version, self.body_hash = lost.slip, lost.slip.version, lost.body_hash
        self.terminated = (lost.reason or "ended early") if lost.settles == "terminated" else None
        self.reviews, self._recorded = {}, {}
        # Only these have an effect; a stop of an unknown activity was refused.
        stops = [stop for stop in lost.stops if stop.activity in STOPS and STOPS[stop.activity].undo]
        self._stops = {stop.name: Stop(name=stop.name, activity=stop.activity) for stop in stops}
        pivot = _pivot_of(stops)
        before = [_step(stop, Kind.COMPENSATABLE) for stop in stops if stop is not pivot]
        self._at_once = lost.apart is None
        at_pivot = [_step(pivot, Kind.PIVOT)] if pivot else []
        self.saga = Saga(*before, *at_pivot, *self._ends(stops, pivot), close=CLOSE)
        self.passed = True if lost.settles else None if pivot else False

    def _ends(self, stops: list[LostStop], pivot: LostStop | None) -> Steps:
        if self._at_once:
            return [SETTLE_AFTER_PIVOT] if pivot else [COMMIT, SETTLE]
        done = sorted((stop for stop in stops if stop.done), key=lambda stop: stop is pivot)
        effects = [(stop.name, by) for stop in done if (by := STOPS[stop.activity].settled)]
        return ends(effects, pivot=pivot is not None)

    def preview(self, _run: SlipRun, _revision: Revision) -> tuple[tuple[Stop, ...], Steps]:
        """Raise InvalidInput: a slip that is being recovered has no stop ahead."""
        raise InvalidInput("revision", "comes too late: the slip's workflow was lost, and no stop is ahead")


def _pivot_of(stops: list[LostStop]) -> LostStop | None:
    """Return the stop that is the pivot; of several, which revisions have exchanged, the one with an effect."""
    pivots = [stop for stop in stops if STOPS[stop.activity].kind is Kind.PIVOT]
    return max(pivots, key=lambda stop: stop.done, default=None)


def _step(stop: LostStop, kind: Kind) -> Step[Itinerary, Any]:
    offer = STOPS[stop.activity]
    assert offer.undo is not None  # noqa: S101 - the caller selects the stops with an undo
    activity, request = offer.undo
    undo = Call[Itinerary, Any](
        activity,
        lambda run, key: request(key=key, order_id=run.process),
        lambda _: f"take back: {stop.name} ({stop.activity})",
        policies.UNDO,
    )
    probe = Call[Itinerary, Any](
        ShippingActivities.find_parcel,
        lambda run, key: FindParcel(key=key, order_id=run.process),
        lambda _: "does the carrier have it?",
        policies.PROBE,
    )
    return Step(
        stop.name,
        do=Call[Itinerary, Any](offer.do, _never, lambda _: stop.name, offer.policy),
        undo=undo,
        kind=kind,
        probe=probe if kind is Kind.PIVOT else None,
        at_risk=lambda _: stop.at_risk,
    )


def _never(_run: SlipRun, _key: str) -> None:
    raise RuntimeError("a recovery does no stop")
