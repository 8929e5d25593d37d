"""An itinerary as the steps of a saga, checked before the first stop and at every revision."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from temporalio import workflow

from temporal_saga import Call, InWorkflow, Kind, Saga, Step
from workflows import policies
from workflows.routing_slip.ends import ACCEPT, CLOSE, COMMIT, SETTLE, SETTLE_AFTER_PIVOT, SlipRun, Steps, ends, record
from workflows.routing_slip.stops import STOPS, SlipActivity

with workflow.unsafe.imports_passed_through():
    from models.activities.base import Reply
    from models.errors import MISTAKES_AT_MOST, InvalidInput
    from models.order import SUMMARY_AT_MOST
    from models.problems import Hints, shown
    from models.slips.itinerary import argument_mistakes, request_of, revised
    from models.slips.references import FILLED_AT_MOST, filled_size
    from models.slips.slip import Review, Revision, RoutingSlip, Stop, is_own


class Itinerary:
    """A running slip: its stops, its version and its reviews; raises InvalidInput for an invalid itinerary."""

    def __init__(self, slip: RoutingSlip) -> None:
        self.slip, self.version, self.body_hash = slip, slip.version, slip.body_hash()
        self.terminated: str | None = None
        self.reviews: dict[str, Review] = {}
        self._stops = {stop.name: stop for stop in slip.itinerary}
        # The stops ahead that each step records, by the step's name.
        self._recorded: dict[str, tuple[Stop, ...]] = {}
        self._at_once = False
        try:
            self.saga = Saga(ACCEPT, *self._steps((), slip.itinerary), close=CLOSE)
        except ValueError as problem:
            raise InvalidInput("itinerary", str(problem)) from None

    def ahead(self, run: SlipRun) -> tuple[Stop, ...]:
        """Return the stops that have not begun."""
        return tuple(self._stops[step.name] for step in run.ahead if step.name in self._stops)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """All stops of the slip, those of its revisions included."""
        return tuple(({stop.name: stop for stop in self.slip.itinerary} | self._stops).values())

    def activity(self, stop: str) -> str | None:
        """Return the activity of a stop, None when the slip has no such stop."""
        return self._stops[stop].activity if stop in self._stops else None

    def preview(self, run: SlipRun, revision: Revision) -> tuple[tuple[Stop, ...], Steps]:
        """Return the stops and steps ahead after a revision; raise InvalidInput when the result is invalid."""
        unread = not self.slip.itinerary  # by the slip's recovery
        at_the_end = any(step.kind is Kind.RETRIABLE or step.name == COMMIT.name for step in run.begun)
        if unread or run.unwinding or run.stopped or at_the_end:
            raise InvalidInput("revision", "comes too late: no stop is ahead")
        behind = tuple(self._stops[step.name] for step in run.begun if step.name in self._stops)
        stops = revised(self.ahead(run), revision)
        steps = self._steps(behind, stops)
        try:
            Saga(*run.begun, *steps, close=CLOSE)
        except ValueError as problem:
            raise InvalidInput("revision", str(problem)) from None
        return stops, steps

    def revise(self, run: SlipRun, revision: Revision, **by: str) -> None:
        """Replace the stops ahead and record the new version in the history with `by`; raise InvalidInput."""
        stops, steps = self.preview(run, revision)
        known = self._known(run)
        new = any(known.get(stop.name) != stop and STOPS[stop.activity].undo for stop in stops)
        self._stops.update({stop.name: stop for stop in stops})
        self.version += 1
        # Of stops without an effect, no participant asks whether they belong to the slip.
        if new and workflow.patched("record-revisions"):
            recording = record(self.version, stops)
            self._recorded[recording.name] = stops
            steps = [recording, *steps]
        if revision.terminate:
            self.terminated = by.get("reason") or revision.reason or "ended early"
        ahead = ", ".join(stop.name for stop in stops) or "nothing"
        result = {"version": self.version, "ahead": [stop.name for stop in stops], **by}
        text = f"version {self.version}: {shown(ahead, SUMMARY_AT_MOST)} ahead"
        run.history.note("itinerary", "revise", text, result)
        run.revise(*steps)

    def settle_at_once(self, run: SlipRun) -> None:
        """Let one step settle all stops, as in old histories."""
        self._at_once = True
        run.revise(*self._steps((), self.slip.itinerary))

    def done(self, run: SlipRun) -> tuple[str, ...]:
        """Return the completed stops that have an effect to settle, in order."""
        done = [name for name in run.answers if name in self._stops]
        return tuple(name for name in done if STOPS[self._stops[name].activity].undo)

    def _known(self, run: SlipRun) -> dict[str, Stop]:
        """Return the stops that participants know: those of the accepted slip and of the recorded revisions."""
        known = {stop.name: stop for stop in self.slip.itinerary}
        for step in run.begun:
            known.update({stop.name: stop for stop in self._recorded.get(step.name, ())})
        return known

    def _steps(self, behind: tuple[Stop, ...], ahead: tuple[Stop, ...]) -> Steps:
        """Return the steps ahead, with those that end every slip; raise InvalidInput."""
        hops = len(behind) + len(ahead)
        if hops > self.slip.max_hops:
            raise InvalidInput("itinerary", f"has {hops} stops, over its limit of {self.slip.max_hops}")
        arguments = [value for stop in (*behind, *ahead) for value in stop.arguments.values()]
        added = filled_size(arguments, self.slip.variables)
        if added > FILLED_AT_MOST:
            problem = f"repeats variables of together {added // 1024} KB, over the limit of {FILLED_AT_MOST // 1024} KB"
            raise InvalidInput("itinerary", problem)
        # A mistake costs more time than a right argument, and this runs in a workflow thread.
        mistakes = [*islice(self._mistakes(behind, ahead), MISTAKES_AT_MOST)]
        if len(mistakes) == MISTAKES_AT_MOST:
            mistakes[-1] = ("itinerary", "may have more mistakes")
        if mistakes:
            raise InvalidInput.of(mistakes, "itinerary")
        stops = (*behind, *ahead)
        pivot = any(STOPS[stop.activity].kind is Kind.PIVOT for stop in stops)
        if self._at_once:
            return [*map(_step, ahead), *([SETTLE_AFTER_PIVOT] if pivot else [COMMIT, SETTLE])]
        effects = [(stop.name, offer.settled) for stop in stops if (offer := STOPS[stop.activity]).settled]
        return [*map(_step, ahead), *ends(effects, pivot=pivot)]

    def _mistakes(self, behind: tuple[Stop, ...], ahead: tuple[Stop, ...]) -> Iterator[tuple[str, str]]:
        """Yield the mistakes (field, problem) in the stops ahead."""
        replies: dict[str, type[Reply] | None] = {stop.name: STOPS[stop.activity].reply for stop in behind}
        hints = Hints()
        for number, stop in enumerate(ahead, start=len(behind)):
            at = f"itinerary[{number}]"
            offer = STOPS.get(stop.activity)
            if is_own(stop.name) or stop.name in replies:
                yield f"{at}.name", f"{stop.name} is taken"
            if offer is None:
                yield f"{at}.activity", f"{stop.activity} is not one of {', '.join(STOPS)}"
            else:
                yield from argument_mistakes(at, stop, offer.request, self.slip.variables, replies, hints)
            replies[stop.name] = offer.reply if offer else None


def _step(stop: Stop) -> Step[Itinerary, Any]:
    offer = STOPS[stop.activity]
    request = partial(_request, stop, offer)

    def summary(run: SlipRun) -> str:
        return offer.summary(request(run, run.key(stop.name)))

    called = InWorkflow[Itinerary, Any] if offer.inside else Call[Itinerary, Any]
    undo = probe = None
    if offer.undo:
        activity, undo_request = offer.undo
        undo = Call[Itinerary, Any](
            activity,
            lambda run, key: undo_request(key=key, order_id=run.process),
            lambda run: f"take back: {summary(run)}",
            policies.UNDO,
        )
    if offer.probe:
        probe = Call[Itinerary, Any](offer.probe, request, lambda run: f"did it land? {summary(run)}", policies.PROBE)
    return Step(
        stop.name,
        do=called(offer.do, request, summary, offer.policy),
        undo=undo,
        kind=offer.kind,
        has_effect=undo is not None,
        probe=probe,
        at_risk=lambda run: offer.at_risk(request(run, run.key(stop.name))),
        then=partial(_apply_revision, stop.name),
    )


def _request(stop: Stop, offer: SlipActivity, run: SlipRun, key: str) -> Any:
    return request_of(stop, offer.request, key, run.process, run.subject.slip.variables, run.answers)


def _apply_revision(name: str, run: SlipRun) -> None:
    """Apply the revision in a stop's answer, if any; raise ValueError, which turns the run back, if it is invalid."""
    revision = getattr(run.answers.get(name), "revision", None)
    if revision is None:
        return
    try:
        run.subject.revise(run, revision, actor=name, reason=revision.reason)
    except InvalidInput as problem:
        raise ValueError(str(problem)) from None
