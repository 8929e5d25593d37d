"""How each case may end: its status, what was undone in which order, and what its late attempt may be told."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.evidence.dossier import Dossier
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import CANCELS
from tests.faults.explorer.matrix.paths import ROUTE_BACK, TO_SHIP
from tests.faults.explorer.matrix.steps import Step
from tests.faults.injection.injecting import Notes, in_line
from tests.faults.injection.others import SECONDS_TO_STAND_STILL

End = tuple[str, tuple[str, ...] | None]
# None: what was undone is not ours to say.
ANY = None
_ONCE = frozenset({"error", "hang", "lost-commit", "duplicate", "zombie", "kill", "stop", "refuse"})
_ONCE |= {"reused", "rival", "crossed", "overtaken", "again"}
_REFUSALS = {"error: OutOfStock", "error: CardDeclined", "error: ShipmentRefused"}
_FENCED = frozenset({"zombie-undone", "zombies-undone", "terminate-zombie"})
# Late attempts of one request, so that more than one come.
AT_LEAST = 2
# What may have begun when what turns the order back is heard: an answer that came together with it goes first. The
# first is the next step, and the second, where there is one, the step after that.
_AHEAD: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "validate": (("reserve",), ROUTE_BACK),
    "reserve": (ROUTE_BACK, TO_SHIP),
    "charge": (TO_SHIP,),
    "expect_transfer": (TO_SHIP,),
    "book_transfer": (TO_SHIP,),
    "find_charge": (TO_SHIP,),
}


def ends(case: Case) -> set[End]:
    """Return the ends that a case may come to."""
    natural: End = (case.path.status, case.path.undone)
    if case.step.style == "choreographed":
        return {(status, ANY) for status in _choreographed(case)}
    return _orchestrated(case, natural)


def _orchestrated(case: Case, natural: End) -> set[End]:
    if case.step.path.express and case.fault != "kill-cancel":
        return _express(case, natural)
    if case.fault in _ONCE:
        return {natural}
    if case.fault in {"errors", "final"}:
        return _given_up(case, natural)
    if case.fault == "hangs":
        return {natural if _can_be_found(case) else ("compensated", case.step.undos)}
    if case.fault.startswith("terminate"):
        return {(status, ANY) for status in _recovered(case.step)}
    return _turned_back(case, natural)


def _express(case: Case, natural: End) -> set[End]:
    """What turns an express order back undoes all that a lost task may have done; before that it hears of nothing."""
    if case.fault == "refuse" or case.step.stage == "undo":
        return {(natural[0], ANY)}
    return {natural} if case.fault in _ONCE else {natural, ("cancelled", ANY)}


def _given_up(case: Case, natural: End) -> set[End]:
    """Every attempt failed: before the pivot the order turns back, after it and on the way back a person decides."""
    step = case.step
    if step.stage in {"do", "pivot", "probe"}:
        return {("compensated", step.undos)}
    if step.stage == "undo":  # the others go on, and it comes last
        mine = {"release": "reserve", "cancel_shipment": "ship"}.get(step.name, "charge")
        return {(natural[0], (*(undo for undo in natural[1] or () if undo != mine), mine))}
    return {natural}


def _can_be_found(case: Case) -> bool:
    """Whether a look at the outside party, or at our own note, tells that an effect without an answer landed."""
    if case.step.stage == "probe" or case.step.refused:
        return False
    landed = {"called", "sent", "done"} if case.step.outside else {"done"}
    return case.point in landed and case.step.name in {"charge", "ship", "expect_transfer"}


def _recovered(step: Step) -> set[str]:
    """What becomes of an order whose workflow is gone: the carrier decides."""
    if step.name == "validate":  # it may never have been accepted: then there is nothing to recover
        return {"compensated", ""}
    if step.name == "cancel_shipment":  # nobody has stopped the parcel yet
        return {"compensated", "completed"}
    if step.refused or step.stage in {"undo", "close", "aside"}:
        return {"compensated"}
    if step.stage == "forward":
        return {"completed"}
    return {"compensated", "completed"} if _may_be_shipped(step) else {"compensated"}


def _turned_back(case: Case, natural: End) -> set[End]:
    """A cancel, or the deadline: in time before the pivot, too late after it."""
    step = case.step
    status = "compensated" if case.fault in {"deadline", "zombies-undone"} else "cancelled"
    back: set[End] = {(status, step.undos)}
    if step.stage not in {"do", "pivot", "probe"}:
        return {natural}
    if case.fault in {"cancel-heard", "zombie-undone", "zombies-undone"} and case.point != "answered":
        return back | ({natural} if step.refused else set())
    if step.path.express:  # what no history knows of is asked for: the carrier decides
        return {natural} if step.stage == "pivot" and case.point != "before" else back
    back |= {(status, route) for route in _AHEAD.get(step.name, ())}
    if _may_be_shipped(step) or step.refused:
        back.add(natural)  # an answer came first
    return back


def _may_be_shipped(step: Step) -> bool:
    """Whether the carrier's answer may come before what turns the order back, or its end, is heard of."""
    return step.stage == "pivot" or step.name == "find_shipment" or TO_SHIP in _AHEAD.get(step.name, ())[:1]


def _choreographed(case: Case) -> set[str]:
    """Everything is tried again, or by a person; only the deadline turns an order back."""
    natural, step = case.path.status, case.step
    if case.fault == "deadline" and step.stage in {"do", "pivot"} and not step.refused:
        return {"compensated"} if case.point in {"before", "called", "sent"} else {"completed", "compensated"}
    if case.fault == "errors" and case.point == "called" and step.stage in {"do", "pivot"}:
        return {"compensated"}  # a look at the outside party fails, too
    return {"compensated"} if case.fault == "zombie-undone" else {natural}


def complaints(case: Case, dossier: Dossier, notes: Notes) -> list[str]:
    """Return what is wrong with how a case ended; a fault that never struck is wrong, too."""
    found = _vacuous(case, notes)
    status, undone = dossier.status, _undone(dossier)
    allowed = ends(case)
    if not any(status == wanted and route in (ANY, undone) for wanted, route in allowed):
        told = " or ".join(
            f"{wanted}, undone {'anything' if route is ANY else list(route)}"
            for wanted, route in sorted(allowed, key=str)
        )
        found.append(f"it is {status or 'missing'}, undone {list(undone)}, and must be {told}")
    answers = {asked.answer for asked in dossier.asked if asked.op == "cancel"}
    if case.fault in CANCELS and answers and ("ok" in answers) != (status == "cancelled"):
        found.append(f"the cancel was answered {', '.join(sorted(answers))}, and it is {status}")
    return found + _late(case, status, notes)


def _vacuous(case: Case, notes: Notes) -> list[str]:
    if case.rule is None:
        return []
    if not notes.has(case.rule.name, "hit"):
        return ["vacuous: its fault never struck"]
    if case.notes_its_end and not notes.has(case.rule.name, "ended"):
        return ["vacuous: its late attempt never ended"]
    if case.fault == "zombies-undone" and len([*notes.line(case.rule.name)]) < AT_LEAST:
        return ["vacuous: only one attempt was late"]
    return []


def _undone(dossier: Dossier) -> tuple[str, ...]:
    """The steps that the last run undid, in the order in which it was done with them."""
    lines = [line for run in [dossier.last] if run for line in run.log]
    done = [line for line in lines if line.direction == "undo" and line.status == "completed"]
    return tuple(line.step for line in sorted(done, key=lambda line: line.completed_at or 0))


def _late(case: Case, status: str, notes: Notes) -> list[str]:
    """The answer of a late attempt must fit the state of its order."""
    name = case.rule.name if case.rule else ""
    ends = [notes.read(name, "ended"), *(notes.read(in_line(name, n), "ended") for n in notes.line(name))]
    return [problem for ended in ends if ended for problem in _told(case, status, ended)]


def _told(case: Case, status: str, ended: dict[str, Any]) -> Iterator[str]:
    still = ended.get("still", 0)
    if still >= SECONDS_TO_STAND_STILL:
        yield f"its worker stood still for {still:.1f} s while a statement waited"
    late, allowed = str(ended["late"]), told_late(case, status)
    if "first" in ended and "answer" in allowed and case.fault == "duplicate":
        same = late == ended["first"] or "handled before" in late + ended["first"]
        allowed = {late, "answer"} if same else allowed - {"answer"}
    told = late.partition(":")[0] if late.startswith("answer") else late
    if case.fault == "crossed" and ended.get("first") == "error: Unavailable":
        yield f"its late attempt was answered {late!r}, and the concurrent undo was aborted"
    if told not in allowed:
        yield f"its late attempt was answered {late!r} (first {ended.get('first')!r}), not {allowed}"


def told_late(case: Case, status: str) -> set[str]:
    """Return what a late attempt may be told: an answer, the same refusal again, or that it comes too late."""
    undone = status in {"cancelled", "compensated"} and case.step.stage in {"do", "pivot"}
    fenced = undone and case.step.style == "orchestrated" and case.fault in _FENCED
    if case.fault == "reused":
        return {"error: KeyReused"}
    if case.fault == "crossed":
        return {"answer", "error: AlreadyUndone"}
    allowed = {"answer"} | (_REFUSALS if case.step.refused else set())
    fenced = fenced and not (case.step.refused and status == case.path.status)  # refused for good, whoever asks
    if fenced and case.point in {"before", "called", "sent", "answered"} and case.step.name != "validate":
        allowed = {"error: AlreadyUndone"}
    elif fenced or case.step.stage == "probe" or (case.step.refused and case.fault in _FENCED):
        allowed |= {"error: AlreadyUndone"}
    if status == "completed" and case.step.stage == "undo":  # recovered: the carrier had it
        allowed |= {"error: AlreadySettled"}
    if case.point == "sent" or case.step.style == "choreographed":
        allowed |= {"error: Unavailable"}  # its transaction was ended meanwhile, or two ran at a time
    return allowed
