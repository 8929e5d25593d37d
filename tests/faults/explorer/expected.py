"""The allowed ends of each case: the status, the undos in their order, and the outcome of a late attempt."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.faults.evidence.dossier import Dossier
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import MOMENTS, SETTLED
from tests.faults.explorer.matrix.paths import ROUTE_BACK, TO_SHIP
from tests.faults.explorer.matrix.steps import Step, ordinary_step
from tests.faults.injection.injecting import Notes, in_line
from tests.faults.injection.others import SECONDS_TO_STAND_STILL

End = tuple[str, tuple[str, ...] | None]
# The route of undos is not checked.
ANY = None
_ONCE = frozenset({"error", "hang", "lost-commit", "duplicate", "zombie", "kill", "stop", "refuse"})
_ONCE |= {"reused", "rival", "crossed", "overtaken", "again", "failover"}
_REFUSALS = {"error: OutOfStock", "error: CardDeclined", "error: ShipmentRefused"}
_FENCED = frozenset({"zombie-undone", "zombies-undone", "terminate-zombie"})
# The fault needs at least so many late attempts of one request.
AT_LEAST = 2
# What may have begun before the cancel or the deadline takes effect: an answer that arrived with it is handled first.
# The first route includes the next step, the second the step after it.
_AHEAD: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "validate": (("reserve",), ROUTE_BACK),
    "reserve": (ROUTE_BACK, TO_SHIP),
    "charge": (TO_SHIP,),
    "expect_transfer": (TO_SHIP,),
    "book_transfer": (TO_SHIP,),
    "find_charge": (TO_SHIP,),
}


def ends(case: Case) -> set[End]:
    """Return the allowed ends of a case: pairs of a status and the steps undone, in order; ANY for any steps."""
    if case.apart and (ordinary := ordinary_step(case.step)):
        return _express_apart(replace(case, step=ordinary))
    natural: End = (case.path.status, case.path.undone)
    if beside := _beside_another(case, natural):
        return beside
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
    return _lost(case) if case.fault.startswith("terminate") else _turned_back(case, natural)


def _lost(case: Case) -> set[End]:
    """Return the ends of an order whose workflow was lost."""
    return {(status, ANY) for status in _recovered(case)}


def _beside_another(case: Case, natural: End) -> set[End] | None:
    """Return the ends of an order that another run of it works for, too: the receipt of its parcel decides."""
    if case.fault in SETTLED:
        # After the undo the participants refuse the late run.
        back = (natural[0], ANY) if case.step.style == "choreographed" else natural
        return {("completed", ())} if case.point == "before" else {back}
    if case.fault in MOMENTS:
        first = case.step.stage == "undo" and case.fault == "late-before"
        return {("compensated", TO_SHIP) if first else ("completed", ())}
    if case.fault == "hangs" and case.step.stage == "undo":  # the others wait for the first undo
        return {natural}
    return None


def _express(case: Case, natural: End) -> set[End]:
    """Return the ends of an express order: a cancel undoes every possible effect of the lost workflow task."""
    if case.step.stage == "forward":  # the parcel was handed over in the same workflow task
        return {natural}
    if case.fault == "refuse" or case.step.stage == "undo":
        return {(natural[0], ANY)}
    return {natural} if case.fault in _ONCE else {natural, ("cancelled", ANY)}


def _express_apart(case: Case) -> set[End]:
    """Return the ends of an express order whose services are apart, from the case of an ordinary order.

    A service apart is never tried inside the workflow task, so the order goes forward like any other. On its way back
    it doesn't rely on its history either: it asks the carrier, and undoes every step.
    """
    found = ends(case)
    turned = any(status == "cancelled" for status, _ in found)
    if turned and case.step.stage == "pivot" and case.point != "before":
        return {(case.path.status, case.path.undone)}
    return {(status, TO_SHIP if status == "cancelled" else route) for status, route in found}


def _given_up(case: Case, natural: End) -> set[End]:
    """Return the ends when every attempt fails: undo before the pivot, an operator's decision after it."""
    step = case.step
    if step.stage in {"do", "pivot", "probe"}:
        return {("compensated", step.undos)}
    if step.stage == "undo":  # the other undos continue, and the parked undo is the last
        mine = {"release": "reserve", "cancel_shipment": "ship"}.get(step.name, "charge")
        return {(natural[0], (*(undo for undo in natural[1] or () if undo != mine), mine))}
    return {natural}


def _can_be_found(case: Case) -> bool:
    """Return whether a probe of the outside party, or of the own record, finds an effect without an answer."""
    if case.step.stage == "probe" or case.step.refused:
        return False
    landed = {"called", "sent", "done"} if case.step.outside else {"done"}
    return case.point in landed and case.step.name in {"charge", "ship", "expect_transfer"}


def _recovered(case: Case) -> set[str]:
    """Return the ends of an order whose workflow was lost: the carrier's answer decides."""
    step = case.step
    if step.name == "validate":  # an order that was never accepted is not recovered
        return {"compensated", ""}
    if step.name == "cancel_shipment":  # the carrier has the parcel until the undo has written its receipt
        if case.point == "sent" or (case.point == "before" and case.fault == "terminate"):
            return {"completed", "compensated"}  # the attempt goes on beside the recovery, or its transaction ends
        return {"completed"} if case.point == "before" else {"compensated"}
    if step.refused or step.stage in {"undo", "close", "aside"}:
        return {"compensated"}
    if step.stage == "forward":
        return {"completed"}
    return {"compensated", "completed"} if _may_be_shipped(step) else {"compensated"}


def _turned_back(case: Case, natural: End) -> set[End]:
    """Return the ends after a cancel or the deadline: it takes effect before the pivot, and is too late after it."""
    step = case.step
    status = "compensated" if case.fault in {"deadline", "zombies-undone"} else "cancelled"
    back: set[End] = {(status, step.undos)}
    if step.stage not in {"do", "pivot", "probe"}:
        return {natural}
    if case.fault in {"cancel-heard", "zombie-undone", "zombies-undone"} and case.point != "answered":
        return back | ({natural} if step.refused else set())
    if step.path.express:  # the lost task left no history, so the carrier is probed and decides
        return {natural} if step.stage == "pivot" and case.point != "before" else back
    back |= {(status, route) for route in _AHEAD.get(step.name, ())}
    if _may_be_shipped(step) or step.refused:
        back.add(natural)  # an answer was handled first
    return back


def _may_be_shipped(step: Step) -> bool:
    """Return whether the carrier's answer may arrive before the cancel, the deadline or the end of the workflow."""
    return step.stage == "pivot" or step.name == "find_shipment" or TO_SHIP in _AHEAD.get(step.name, ())[:1]


def _choreographed(case: Case) -> set[str]:
    """Return the ends of a choreographed order: steps are retried or redriven; only the deadline undoes an order.

    The deadline stops nothing that is under way: the order completes if its parcel's receipt is written before the
    recall's. Only behind a reservation, two more deliveries would have to overtake the recall.
    """
    natural, step = case.path.status, case.step
    if case.fault == "deadline" and step.stage in {"do", "pivot"} and not step.refused:
        early = step.name == "reserve" and case.point in {"before", "sent"}
        return {"compensated"} if early else {"completed", "compensated"}
    if case.fault == "terminate" and step.name == "recall" and case.point == "before":
        return {"completed", "compensated"}  # redriven after a minute, when the shipment may have found its parcel
    if case.fault == "errors" and case.point == "called" and step.stage in {"do", "pivot"}:
        return {"compensated"}  # the probe of the outside party fails, too
    return {"compensated"} if case.fault == "zombie-undone" else {natural}


def problems_of_end(case: Case, dossier: Dossier, notes: Notes) -> list[str]:
    """Return the problems of a case's end; a fault that never struck is a problem, too."""
    problems = _vacuous(case, notes)
    status, undone = dossier.status, _undone(dossier)
    allowed = ends(case)
    if not any(status == wanted and route in (ANY, undone) for wanted, route in allowed):
        expected = " or ".join(
            f"{wanted}, undone {'any steps' if route is ANY else list(route)}"
            for wanted, route in sorted(allowed, key=str)
        )
        problems.append(f"the order is {status or 'missing'}, undone {list(undone)}, expected {expected}")
    if dossier.ever_parked and not _may_park(case):
        problems.append(f"the order is {status}, undone {list(undone)}, expected without an operator")
    answers = {asked.answer for asked in dossier.asked if asked.op == "cancel"}
    if answers and ("ok" in answers) != (status == "cancelled"):
        problems.append(f"the cancel was answered {', '.join(sorted(answers))}, but the order is {status}")
    return problems + _late(case, status, notes)


def _may_park(case: Case) -> bool:
    """Return whether an operator may have to help: after a fault that lasts, or in a path that needs one anyway."""
    lasting = {"errors", "final", "hangs", "settled-hangs", "deadline"}
    return case.path.parks or case.fault in lasting or case.step.style == "choreographed"


def _vacuous(case: Case, notes: Notes) -> list[str]:
    if case.rule is None:
        return []
    if not notes.has(case.rule.name, "hit"):
        return ["vacuous: the fault never struck"]
    if case.moment and not notes.has(case.moment.name, "hit"):
        return ["vacuous: the recovery never came to the moment of the late attempt"]
    if case.notes_its_end and not notes.has(case.rule.name, "ended"):
        return ["vacuous: the late attempt never ended"]
    if case.fault == "zombies-undone" and len([*notes.line(case.rule.name)]) < AT_LEAST:
        return ["vacuous: only one attempt was late"]
    return []


def _undone(dossier: Dossier) -> tuple[str, ...]:
    """Return the steps that the last run undid, in the order of their completion."""
    lines = [line for run in [dossier.last] if run for line in run.log]
    done = [line for line in lines if line.direction == "undo" and line.status == "completed"]
    return tuple(line.step for line in sorted(done, key=lambda line: line.completed_at or 0))


def _late(case: Case, status: str, notes: Notes) -> list[str]:
    """Return the late attempts whose outcome does not fit the end of the order."""
    name = case.rule.name if case.rule else ""
    ends = [notes.read(name, "ended"), *(notes.read(in_line(name, n), "ended") for n in notes.line(name))]
    return [problem for ended in ends if ended for problem in _late_problems(case, status, ended)]


def _late_problems(case: Case, status: str, ended: dict[str, Any]) -> Iterator[str]:
    still = ended.get("still", 0)
    if still >= SECONDS_TO_STAND_STILL:
        yield f"the worker was blocked for {still:.1f} s while a statement waited"
    late, allowed = str(ended["late"]), allowed_late(case, status)
    if "first" in ended and "answer" in allowed and case.fault == "duplicate":
        same = late == ended["first"] or "handled before" in late + ended["first"]
        allowed = {late, "answer"} if same else allowed - {"answer"}
    kind = late.partition(":")[0] if late.startswith("answer") else late
    if case.fault == "crossed" and ended.get("first") == "error: Unavailable":
        yield f"the late attempt ended with {late!r}, but the undo that it crossed had to wait"
    if kind not in allowed:
        yield f"the late attempt ended with {late!r} (first {ended.get('first')!r}), expected {allowed}"


def allowed_late(case: Case, status: str) -> set[str]:
    """Return the allowed outcomes of a late attempt: an answer, the same refusal, or the error of a late request."""
    undone = status in {"cancelled", "compensated"} and case.step.stage in {"do", "pivot"}
    fenced = undone and case.step.style == "orchestrated" and case.fault in _FENCED
    if case.fault in SETTLED:
        return {"answer"} if case.point == "before" else {"error: AlreadyUndone"}
    if case.fault in MOMENTS:
        refused = case.step.stage == "undo" and status == "completed"
        return {"error: AlreadySettled"} if refused else {"answer"}
    if case.fault == "reused":
        return {"error: NotAccepted"}
    if case.fault == "crossed":
        return {"answer", "error: AlreadyUndone"}
    allowed = {"answer"} | (_REFUSALS if case.step.refused else set())
    fenced = fenced and not (case.step.refused and status == case.path.status)  # a refusal is permanent
    if fenced and case.point in {"before", "called", "sent", "answered"} and case.step.name != "validate":
        allowed = {"error: AlreadyUndone"}
        if case.step.name == "expect_transfer":  # of a transfer that was never expected nothing is recorded
            allowed |= {"error: NotAccepted"}
    elif fenced or case.step.stage == "probe" or (case.step.refused and case.fault in _FENCED):
        allowed |= {"error: AlreadyUndone"}
    if status == "completed" and case.step.stage == "undo":  # recovered: the carrier had the parcel
        allowed = {"error: AlreadySettled"}
    if case.point == "sent" or case.step.style == "choreographed":
        allowed |= {"error: Unavailable"}  # the transaction was ended meanwhile, or two ran concurrently
    return allowed
