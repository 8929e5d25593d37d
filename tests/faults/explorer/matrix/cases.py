"""All cases: step × point × fault, without the impossible ones, each excluded by a rule that gives the reason."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import CANCELS, FAULTS
from tests.faults.explorer.matrix.seldom import elsewhere
from tests.faults.explorer.matrix.steps import POINTS, STEPS


def cases() -> list[Case]:
    """Return every case that can exist."""
    return [case for case in _all() if why_not(case) is None]


def left_out() -> Counter[str]:
    """Return the number of excluded cases by reason."""
    return Counter(reason for case in _all() if (reason := why_not(case)))


def _all() -> Iterator[Case]:
    for step in STEPS:
        for point in POINTS:
            for fault in FAULTS:
                yield Case(step, point, fault)


def why_not(case: Case) -> str | None:
    """Return the reason to exclude a case, or None."""
    return next((why for rule in _RULES if (why := rule(case))), None)


def _no_such_point(case: Case) -> str | None:
    step, point = case.step, case.point
    if point not in {"before", "done", "answered"} and point not in step.marks:
        return "the step has no such point"
    return (
        "a relay's publish is accepted before the event is marked"
        if step.stage == "relay" and point == "answered"
        else None
    )


def _refusals(case: Case) -> str | None:
    decides = "called" if case.step.outside else "sent"
    refusing = case.step.name.removeprefix("express-") in {"reserve", "charge", "ship"} and case.point == decides
    return (
        "only a participant refuses, at the point of its decision" if case.fault == "refuse" and not refusing else None
    )


def _answers(case: Case) -> str | None:
    if case.fault == "lost-commit" and case.point != "sent":
        return "only a commit can be lost"
    failing = case.fault in {"error", "errors", "final", "hang", "hangs", "cancel-heard"}
    if case.point == "answered" and (failing or case.fault == "terminate-zombie"):
        return "an accepted answer can't fail any more"
    ended = case.step.ends and case.fault in {"deadline", "terminate", *CANCELS}
    return "the order ends with that answer" if case.point == "answered" and ended else None


def _patience(case: Case) -> str | None:
    """Exclude retries that take too long for a run."""
    stage, fault, orchestrated = case.step.stage, case.fault, case.step.style == "orchestrated"
    if fault == "final" and stage in {"aside", "close"}:
        return "no permanent failure exists at this step"
    if fault in {"errors", "hangs"} and (stage in {"forward", "close", "aside"} or case.step.name == "book_transfer"):
        return "the step is retried for minutes, or without limit"
    first = case.step.activity == "cancel_shipment"
    if fault == "hangs" and ((stage == "undo" and not first) or not orchestrated):
        return "the result is that of errors, later"
    if fault == "errors" and not orchestrated and case.point == "before":
        return "the result is that of a final error, later"
    return None


def _turning_back(case: Case) -> str | None:
    step, fault = case.step, case.fault
    if fault == "zombie-undone" and step.stage not in {"do", "pivot", "probe"}:
        return "no order is undone from this step"
    if fault == "cancel-heard" and step.local:
        return "no cancel reaches a local activity"
    return None


def _choreography(case: Case) -> str | None:
    step, fault = case.step, case.fault
    if step.style == "orchestrated":
        return None
    if fault in CANCELS or fault == "terminate-zombie":
        return "a choreographed order has no workflow to cancel or to lose"
    if step.stage == "relay" and fault in {"deadline", "terminate", "errors", "final", "hang", "hangs"}:
        return "a relay knows no order, never ends, and limits its own calls"
    if fault == "zombie-undone" and case.point in {"done", "answered"}:
        return "the event exists already, and the order can't be undone before the next step"
    return "the deadline has passed by then" if fault in {"deadline", "zombie-undone"} and step.path.deadline else None


def _seldom(case: Case) -> str | None:
    place = f"{case.step.style[0]}-{case.step.name}-{case.point}"
    return elsewhere(place, case.fault, express=case.step.path.express)


_RULES = (_no_such_point, _seldom, _refusals, _answers, _patience, _turning_back, _choreography)
