"""I1, I2 and I13: every accepted order exists once and reaches one end, and no other order exists."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, SLIP_WORKFLOW
from tests.faults.evidence.dossier import FINAL, LAST_STEPS, UNDONE, Dossier
from tests.faults.evidence.evidence import Evidence
from tests.faults.evidence.runs import ObservedProcess

STEPS = ("validate", "reserve", "charge", "ship", "settle_shipment", "settle_payment", "settle_stock", "complete")
AFTER_PIVOT = STEPS[STEPS.index("settle_shipment") :]
SIDE_BY_SIDE = {"settle_payment", "settle_stock"}
LAST_EVENTS = {"OrderCompleted", "OrderFailed"}


def no_order_is_lost_or_invented(dossier: Dossier) -> Iterator[str]:
    """An accepted order has its row, and every row, workflow and effect belongs to a placed order."""
    placed = [asked.answer for asked in dossier.asked if asked.op == "place"]
    if not dossier.row:
        if "ok" in placed:
            yield "the order was accepted, but has no row"
        if dossier.processes or dossier.receipts or dossier.ledger or dossier.provider_entries or dossier.events:
            yield "the order has no row, but has effects"
    elif not placed:
        yield "no client placed the order"
    elif dossier.row.body_hash and set(placed) == {"refused"}:
        yield "the order was refused each time, but has a row"


def an_order_reaches_one_end(dossier: Dossier) -> Iterator[str]:
    """At rest an order has either ended or waits for an operator, never both."""
    row = dossier.row
    if row is None:
        return
    if row.status not in FINAL | {"running"}:
        yield f"the status {row.status} is unknown"
    if (row.status in FINAL) != (row.closed_at is not None):
        yield f"the order is {row.status}, and was closed at {row.closed_at}"
    if not (dossier.final or dossier.parked):
        yield f"the order has not ended: it is {row.status}"
    if dossier.final and dossier.parked:
        what = [line.step for line in dossier.waiting] + [letter.message_id for letter in dossier.dead]
        yield f"the order is {row.status}, but waits for an operator: {', '.join(what)}"


def an_order_is_closed_once(dossier: Dossier) -> Iterator[str]:
    """No run closes its order twice, and no choreographed order has two last events."""
    for run in dossier.processes:
        closings = [line for line in run.log if _closes(line.step, line.direction) and line.status == "completed"]
        if len(closings) > 1:
            yield f"run {run.run_id} closed the order {len(closings)} times"
    ends = [event.type for event in dossier.events if event.type in LAST_EVENTS]
    if dossier.style == "choreographed" and len(ends) != dossier.final:
        yield f"the order is {dossier.status}, and its last events are {ends or 'none'}"


def _closes(step: str, direction: str) -> bool:
    return direction == "close" or (direction == "do" and step in LAST_STEPS)


def steps_run_in_order(dossier: Dossier) -> Iterator[str]:
    """A run's steps begin in the saga's order, each after the end of the steps before it."""
    for run in dossier.processes:
        dos = [line for line in run.log if line.direction == "do"]
        begun = tuple(dict.fromkeys(do.step for do in dos))
        if not _in_order(run, begun):
            yield f"run {run.run_id} did {', '.join(begun)}"
        for number, after in enumerate(dos):
            for before in dos[:number]:
                side_by_side = {before.step, after.step} <= SIDE_BY_SIDE or _both_of_a_slip(before.step, after.step)
                if not side_by_side and (before.completed_at is None or before.completed_at > after.started_at):
                    yield f"run {run.run_id}: {after.step} began before {before.step} had ended"


def _in_order(run: ObservedProcess, begun: tuple[str, ...]) -> bool:
    """Return whether steps of an order began in its saga's order; a recovery begins after the pivot."""
    if run.type == ORDER_WORKFLOW:
        # An order that was cancelled before its first step was accepted by a probe.
        probed = any((line.step, line.direction) == ("validate", "probe") for line in run.log)
        return begun == STEPS[: len(begun)] or (probed and begun == STEPS[1 : len(begun) + 1])
    return run.type != RECOVERY_WORKFLOW or begun == AFTER_PIVOT[: len(begun)]


def _both_of_a_slip(before: str, after: str) -> bool:
    """Return whether two steps of a slip settle its stops side by side: all but the first, settle-1."""
    return all(step.startswith("settle-") and step != "settle-1" for step in (before, after))


def a_cancel_is_requested_and_kept(dossier: Dossier) -> Iterator[str]:
    """An order is cancelled only on request, and after an accepted cancel it is cancelled."""
    if dossier.status == "cancelled" and not dossier.was_asked("cancel", "request_cancel"):
        yield "the order is cancelled without a request"
    accepted = any(asked.op == "cancel" and asked.answer == "ok" for asked in dossier.asked)
    # The recovery of a lost run doesn't know of the cancel: it undoes everything and ends as compensated.
    kept = UNDONE if len(dossier.processes) > 1 else {"cancelled"}
    if accepted and not dossier.was_asked("reset") and dossier.final and dossier.status not in kept | {"failed"}:
        yield f"a cancel was accepted, but the order is {dossier.status}"


def ends_only_grow(evidence: Evidence) -> Iterator[str]:
    """No order leaves a final status: the count of each outcome never shrinks."""
    for before, after in pairwise(evidence.snapshots):
        for status, count in before.outcomes.items():
            if after.outcomes.get(status, 0) < count:
                yield f"{count} orders were {status} at {before.at:.3f}, {after.outcomes.get(status, 0)} later"


def one_id_is_one_order(dossier: Dossier) -> Iterator[str]:
    """An id has one row, in one style, with the one body that was accepted."""
    if len(dossier.rows) > 1:
        yield f"the order has {len(dossier.rows)} rows"
    accepted = {
        asked.detail for asked in dossier.asked if asked.op == "place" and asked.answer == "ok" and asked.detail
    }
    if len(accepted) > 1:
        yield f"{len(accepted)} different bodies were accepted under one id"
    tried = {asked.detail for asked in dossier.asked if asked.op == "place"}
    row = dossier.row
    if row and row.body_hash and "" not in tried and tried and row.body_hash not in tried:
        yield "the row has a body that no client sent"
    if dossier.style == "choreographed" and dossier.processes:
        yield "the order ran in both styles"


def one_id_is_one_workflow(dossier: Dossier) -> Iterator[str]:
    """An id's workflow was started once; a reset continues it, and a recovery starts after its loss."""
    started = Counter(run.type for run in dossier.processes if run.began == "start")
    for kind in (ORDER_WORKFLOW, SLIP_WORKFLOW):
        if started[kind] > 1 and not dossier.was_asked("delete"):
            yield f"{kind} was started {started[kind]} times"
    running = [run.run_id for run in dossier.processes if run.status == "running"]
    if len(running) > 1:
        yield f"{len(running)} of its runs are running"
