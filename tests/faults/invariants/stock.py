"""I5 and I6: articles are neither created nor lost at any moment; a closed order reserves none."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence.dossier import STANDING, Dossier, step_of
from tests.faults.evidence.evidence import Evidence, Snapshot

# The statuses of a receipt whose effect is in force no more, and all those of which nothing is left to do.
UNDONE = frozenset({"undone", "tombstone", "refused"})
CLOSED = UNDONE | {"settled"}


def every_snapshot_has_every_article(evidence: Evidence) -> Iterator[str]:
    """In every snapshot available + reserved + sold is the received quantity, and no count is negative."""
    for snapshot in evidence.snapshots:
        for problem in _missing(snapshot, evidence.opening_stock):
            yield f"at {snapshot.at:.3f}: {problem}"


def _missing(snapshot: Snapshot, opening: dict[str, int]) -> Iterator[str]:
    if snapshot.stock.keys() != opening.keys():
        yield f"the articles differ from the opening stock: {sorted(snapshot.stock.keys() ^ opening.keys())}"
    for sku, level in snapshot.stock.items():
        if level.available + level.reserved + level.sold != level.received:
            yield f"{sku}: available + reserved + sold differs from the received quantity: {level}"
        if min(level.available, level.reserved, level.sold) < 0:
            yield f"{sku}: a count is negative: {level}"
        if level.received != opening.get(sku, level.received):
            yield f"{sku}: {opening[sku]} were received, but the stock has {level.received}"


def the_stock_matches_its_receipts(evidence: Evidence) -> Iterator[str]:
    """At the end the reserved and sold quantities match the open and the settled receipts, for each article."""
    if not (evidence.whole and evidence.snapshots):
        return
    for status, column in (("done", "reserved"), ("settled", "sold")):
        asked: Counter[str] = Counter()
        for receipt in evidence.receipts:
            if receipt.service == "inventory" and receipt.status == status:
                asked.update(receipt.lines)
        for sku, level in evidence.snapshots[-1].stock.items():
            if getattr(level, column) != asked[sku]:
                yield f"{sku}: {getattr(level, column)} are {column}, but the {status} receipts sum up to {asked[sku]}"


def a_completed_order_was_sold(dossier: Dossier) -> Iterator[str]:
    """The sold articles of a completed order are its lines."""
    row = dossier.row
    if row is None or row.style == "slip" or row.status != "completed" or dossier.excuses("reserve"):
        return
    sold = [
        receipt.lines for receipt in dossier.receipts if (receipt.service, receipt.status) == ("inventory", "settled")
    ]
    if sold != [row.lines]:
        yield f"the order is completed with {row.lines}, but {sold or 'nothing'} was sold"


def no_effect_is_left_open(dossier: Dossier) -> Iterator[str]:
    """Every receipt of a completed order is settled, and those of any other closed one are undone or refused.

    A slip that completed may have stops that a revision removed after they were refused or undone.
    """
    if not dossier.final:
        return
    allowed = CLOSED if dossier.style == "slip" else {"settled"}
    allowed = allowed if dossier.status in STANDING else UNDONE
    for receipt in dossier.receipts:
        if receipt.status not in allowed and not dossier.excuses(step_of(receipt.key)):
            yield f"the order is {dossier.status}, but the {receipt.service} receipt {receipt.key} is {receipt.status}"


def no_effect_after_the_end(dossier: Dossier) -> Iterator[str]:
    """No receipt appears after the end of its order: nothing is sealed, so the participants refuse a late request.

    A choreographed order that is turned back at the moment when a step is refused has two chains of events. The one
    ends the order, after which the other finds nothing to undo, and leaves receipts that say so.
    """
    ended = dossier.row.closed_at if dossier.row else None
    for receipt in dossier.receipts:
        if dossier.style == "choreographed" and receipt.status == "tombstone":
            continue
        if ended is not None and receipt.at > ended:
            yield f"the {receipt.service} receipt {receipt.key} came {receipt.at - ended:.3f} s after the end"
