"""I8: effects are undone in exact reverse order of their start, one after the other, and none is forgotten.

The pivot decides: when the answer to its undo is that the parcel is final, the run goes forward and undoes nothing; and
while nobody knows that answer, no other undo begins. A choreographed order has no saga log; I9 covers the order of its
undos.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, SLIP_RECOVERY_WORKFLOW
from tests.faults.evidence.dossier import Dossier
from tests.faults.evidence.records import RecordedCall
from tests.faults.evidence.runs import CUT_SHORT, EVER_PARKED, LogLine, ObservedProcess

# The steps of an order that have an undo.
UNDOABLE = ("reserve", "charge", "ship")
# The operators' decisions that end an undo without another attempt.
BY_DECISION = {"skip", "waive"}


def undone_in_reverse(dossier: Dossier) -> Iterator[str]:
    """Each run undoes its started, unrefused steps in exact reverse order; after the pivot it undoes nothing."""
    for run in dossier.processes:
        if run.type == SLIP_RECOVERY_WORKFLOW:  # it starts no stop, so its log has no order of start
            continue
        undone = _first(line.step for line in run.log if line.direction == "undo")
        expected = _expected(run, dossier.by_hand)
        if expected is None:
            began = _first(line.step for line in run.log if line.direction in {"do", "settle"})
            expected = [step for step in reversed(began) if step in undone]
        if run.status in CUT_SHORT:
            expected = expected[: len(undone)]
        if undone != expected:
            yield f"run {run.run_id} undid {undone or 'nothing'}, but had to undo {expected or 'nothing'}"


def _expected(run: ObservedProcess, by_hand: set[str]) -> list[str] | None:
    """Return the steps that a run must undo; None for a slip, whose log doesn't say which stops have an undo."""
    if run.type == RECOVERY_WORKFLOW:
        # A lost run's effects are unknown: undo all, or none when the carrier has the parcel or the order was closed.
        if _turned_forward(run):
            return ["ship"]
        back = any(line.direction in {"undo", "close"} for line in run.log)
        return [step for step in reversed(UNDOABLE) if step not in by_hand or _has_undo(run, step)] if back else []
    if run.type != ORDER_WORKFLOW:
        return None
    if _pivoted(run):
        return ["ship"] if _turned_forward(run) else []
    began = _first(line.step for line in run.log if line.direction in {"do", "settle"} and line.step in UNDOABLE)
    if any((line.step, line.direction) == ("ship", "probe") for line in run.log):
        # A run that probed the carrier may have lost a workflow task of an express order with all its records.
        began = list(UNDOABLE)
    return [step for step in reversed(began) if _may_be_open(run, step)] if _was_undone(run) else []


def _pivoted(run: ObservedProcess) -> bool:
    return any((line.step, line.direction) == ("settle_shipment", "do") for line in run.log)


def _turned_forward(run: ObservedProcess) -> bool:
    """Return whether a run learned, from the first undo of its way back, that the parcel is final."""
    undos = [line for line in run.log if line.direction == "undo"]
    return bool(undos) and _pivoted(run) and any(line.step == "ship" and _is_final(line) for line in undos)


def _is_final(undo: LogLine) -> bool:
    return (undo.error or "").startswith("AlreadySettled: ")


def _is_unknown(undo: LogLine) -> bool:
    """Return whether an undo ended without an answer: it may have happened."""
    return undo.status in EVER_PARKED and (undo.error or "").startswith(("Timeout: ", "Cancelled: "))


def the_pivot_decides(dossier: Dossier) -> Iterator[str]:
    """A final parcel turns its run forward and parks nothing; while its recall is unknown, no other undo begins.

    When the pivot of an order never began, or was refused, nobody can have settled anything: no undo waits.
    """
    for run in dossier.processes:
        undos = [line for line in run.log if line.direction == "undo"]
        if dossier.style == "slip" or not undos or undos[0].step != "ship":
            continue
        others = [line for line in undos if line.step != "ship"]
        recalls = [line for line in undos if line.step == "ship"]
        if _is_final(recalls[-1]) and (others or recalls[-1].status in EVER_PARKED):
            yield f"run {run.run_id}: the parcel is final, but its undo was parked or {len(others)} others began"
        answers = [line.completed_at for line in recalls if line.completed_at is not None and not _is_unknown(line)]
        answers += [line.started_at for line in run.log if _settles(line, "ship")]
        for other in others:
            if not any(answered <= other.started_at for answered in answers):
                yield f"run {run.run_id}: the undo of {other.step} began while the recall was unknown"


def _settles(line: LogLine, step: str) -> bool:
    """Return whether a line is an operator's decision that ends the undo of a step."""
    return (line.direction, line.step) == ("resolve", step) and line.summary in BY_DECISION


def _was_undone(run: ObservedProcess) -> bool:
    return run.status != "completed" and any(line.direction in {"undo", "close"} for line in run.log)


def _has_undo(run: ObservedProcess, step: str) -> bool:
    return any((line.step, line.direction) == (step, "undo") for line in run.log)


def _may_be_open(run: ObservedProcess, step: str) -> bool:
    """Return whether a step's effect may be open: not after a refusal or an operator's decision."""
    dos = [line.status for line in run.log if (line.step, line.direction) == (step, "do")]
    return not dos or dos[-1] not in {"refused", "skipped", "waived"}


def _first(steps: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(steps))


def one_after_the_other(dossier: Dossier) -> Iterator[str]:
    """An undo begins after the end of its do and of the undo before it."""
    for run in dossier.processes:
        undos = _firsts(run.log, "undo")
        for before, after in pairwise(undos):
            if before.completed_at is None or before.completed_at > after.started_at:
                yield f"run {run.run_id}: the undo of {after.step} began before that of {before.step} had ended"
        for undo in undos:
            # A run that turned forward did the step again after the undo that was refused.
            dos = [line for line in run.log if (line.step, line.direction) == (undo.step, "do")]
            for do in (do for do in dos if do.started_at < undo.started_at):
                if (do.completed_at or undo.started_at + 1) > undo.started_at:
                    yield f"run {run.run_id}: the undo of {undo.step} began before its do had ended"


def _firsts(log: Sequence[LogLine], direction: str) -> list[LogLine]:
    found: dict[str, LogLine] = {}
    for line in log:
        if line.direction == direction:
            found.setdefault(line.step, line)
    return list(found.values())


def the_outside_records_agree(dossier: Dossier) -> Iterator[str]:
    """By the outside parties' clocks, the carrier took the parcel back before the provider refunded the money."""
    parcel, money = _taken_back(dossier.carrier_calls), _taken_back(dossier.provider_calls)
    # A parked effect is undone whenever the operator decides.
    if parcel and money and parcel > money and not dossier.ever_parked and dossier.style != "slip":
        yield f"the money was refunded at {money:.3f}, before the parcel came back at {parcel:.3f}"


def _taken_back(calls: Sequence[RecordedCall]) -> float | None:
    return min((call.at for call in calls if call.outcome == "taken_back"), default=None)
