"""I5 and I6: articles are neither made nor lost, at any moment; an order that has ended holds none back."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence.dossier import STANDING, Dossier, step_of
from tests.faults.evidence.evidence import Evidence, Snapshot
from tests.faults.evidence.records import Receipt

OPEN = {"done", "settled"}


def every_snapshot_has_every_article(evidence: Evidence) -> Iterator[str]:
    """At every moment available + reserved + sold is what was received, and none of them is negative."""
    for snapshot in evidence.snapshots:
        for told in _missing(snapshot, evidence.opening_stock):
            yield f"at {snapshot.at:.3f}: {told}"


def _missing(snapshot: Snapshot, opening: dict[str, int]) -> Iterator[str]:
    if snapshot.stock.keys() != opening.keys():
        yield f"the articles are not those of the beginning: {sorted(snapshot.stock.keys() ^ opening.keys())}"
    for sku, level in snapshot.stock.items():
        if level.available + level.reserved + level.sold != level.received:
            yield f"{sku}: available + reserved + sold is not what was received: {level}"
        if min(level.available, level.reserved, level.sold) < 0:
            yield f"{sku}: a count is negative: {level}"
        if level.received != opening.get(sku, level.received):
            yield f"{sku}: {opening[sku]} were received, and the stock table has {level.received}"


def the_stock_is_what_its_receipts_say(evidence: Evidence) -> Iterator[str]:
    """At the end what is reserved and sold is what the open and the settled receipts say, article by article."""
    if not (evidence.whole and evidence.snapshots):
        return
    for status, column in (("done", "reserved"), ("settled", "sold")):
        asked: Counter[str] = Counter()
        for receipt in evidence.receipts:
            if receipt.service == "inventory" and receipt.status == status:
                asked.update(receipt.lines)
        for sku, level in evidence.snapshots[-1].stock.items():
            if getattr(level, column) != asked[sku]:
                yield f"{sku}: {getattr(level, column)} are {column}, and the {status} receipts sum to {asked[sku]}"


def a_completed_order_was_sold(dossier: Dossier) -> Iterator[str]:
    """What a completed order asked for is what was taken from the shelf for it."""
    row = dossier.row
    if row is None or row.style == "slip" or row.status != "completed" or dossier.excuses("reserve"):
        return
    sold = [
        receipt.lines for receipt in dossier.receipts if (receipt.service, receipt.status) == ("inventory", "settled")
    ]
    if sold != [row.lines]:
        yield f"it is completed and asked for {row.lines}; sold was {sold or 'nothing'}"


def nothing_is_left_open(dossier: Dossier) -> Iterator[str]:
    """An order that has ended has no effect open: what stands is settled, what does not is undone."""
    if not dossier.final:
        return
    for receipt in dossier.receipts:
        if _is_open(receipt, standing=dossier.status in STANDING) and not dossier.excuses(step_of(receipt.key)):
            yield f"it is {dossier.status}, and in {receipt.service} {receipt.key} is {receipt.status}"


def _is_open(receipt: Receipt, *, standing: bool) -> bool:
    if not standing:
        return receipt.status in OPEN
    return receipt.status == "done" and receipt.service in {"inventory", "payments"}
