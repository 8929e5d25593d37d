"""Bad histories of stock and parcels: I5, I6 and I7."""

from dataclasses import replace

from tests.faults.evidence.evidence import Snapshot
from tests.faults.evidence.records import BookEntry, Parcel, RecordedCall
from tests.faults.spoilt.histories import Bad, Change, added, all_of, changed, doubled, dropped, last_snapshot

LATE = 9000.0


def _level(sku: str, **fields: int) -> Change:
    """Add these quantities to an article's levels in the last snapshot."""

    def stock(snapshot: Snapshot) -> object:
        known = snapshot.stock[sku]
        moved = {name: getattr(known, name) + count for name, count in fields.items()}
        return snapshot.stock | {sku: replace(known, **moved)}

    return last_snapshot(stock=stock)


BAD = [
    Bad("an article disappears from the shelf", "I5", _level("SKU-1", available=-1)),
    Bad("more is sold than was in stock", "I5", _level("SKU-1", available=-200, sold=200)),
    Bad("an article appears from nowhere", "I5", _level("SKU-2", available=1, received=1)),
    Bad("reserved stock is held by no order", "I5", _level("SKU-1", available=-1, reserved=1)),
    Bad("sold stock was sold to no order", "I5", _level("SKU-2", available=-1, sold=1)),
    Bad(
        "an unknown article is in stock",
        "I5",
        last_snapshot(stock=lambda snapshot: snapshot.stock | {"SKU-X": snapshot.stock["SKU-1"]}),
    ),
    Bad(
        "one line of an order of two was never sold",
        "I5",
        all_of(
            changed("receipts", {"key": "o-done:reserve"}, lines={"SKU-1": 2}), _level("SKU-2", available=1, sold=-1)
        ),
    ),
    Bad(
        "reserved stock differed from the receipts during the run",
        "I5",
        last_snapshot(found=("reserved stock is not what the open receipts say: ('SKU-1', 3, 2)",)),
    ),
    Bad(
        "a refused order still holds its stock",
        "I6",
        all_of(
            changed("receipts", {"key": "o-declined:reserve"}, status="done"),
            _level("SKU-1", available=-2, reserved=2),
            _level("SKU-2", available=-1, reserved=1),
        ),
    ),
    Bad(
        "an undone order's refund was not finished in its receipt",
        "I6",
        changed("receipts", {"key": "o-refused:charge"}, status="done"),
    ),
    Bad(
        "a completed order's money is still only held",
        "I6",
        changed("receipts", {"key": "o-done:charge"}, status="done"),
    ),
    Bad(
        "a completed order's parcel was not settled",
        "I6 I7",
        changed("receipts", {"key": "o-done:ship"}, status="done"),
    ),
    Bad("a receipt appeared after the end of its order", "I6", changed("receipts", {"key": "o-lost:ship"}, at=LATE)),
    Bad(
        "an effect of a choreographed order appeared after its end",
        "I6",
        changed("receipts", {"key": "c-refused:charge"}, at=LATE),
    ),
    Bad(
        "money was final before its parcel during the run",
        "I7",
        last_snapshot(found=("an order's effect is final before its parcel: ('o-1:charge', 'settled')",)),
    ),
    Bad(
        "an undone choreographed order keeps what it reserved",
        "I6",
        all_of(
            changed("receipts", {"key": "c-refused:reserve"}, status="done"),
            _level("SKU-1", available=-2, reserved=2),
            _level("SKU-2", available=-1, reserved=1),
        ),
    ),
    Bad(
        "an undone slip had an open effect during the run",
        "I6",
        last_snapshot(found=("an undone slip has an open effect: ('s-1', 'slip.s-1:charge')",)),
    ),
    Bad(
        "an order was shipped twice",
        "I7",
        all_of(
            doubled("carrier_entries", {"key": "o-done:ship"}, key="o-done:ship-again", reference="T-2"),
            lambda evidence: replace(
                evidence, parcels=(*evidence.parcels, Parcel("o-done:ship-again", "o-done", "T-2", LATE, None))
            ),
        ),
    ),
    Bad(
        "a completed order has no parcel",
        "I7",
        all_of(
            dropped("carrier_entries", key="o-done:ship"),
            dropped("carrier_calls", key="o-done:ship"),
            dropped("parcels", key="o-done:ship"),
        ),
    ),
    Bad(
        "a parcel of an undone order is still on its way",
        "I7",
        all_of(
            changed("carrier_entries", {"key": "o-lost:ship"}, status="taken"),
            changed("parcels", {"key": "o-lost:ship"}, recalled_at=None),
        ),
    ),
    Bad("the carrier has a parcel that the parcels table lacks", "I7", dropped("parcels", key="c-done:ship")),
    Bad(
        "the parcels table and the carrier have different tracking numbers",
        "I7",
        changed("parcels", {"key": "o-done:ship"}, tracking="T-9"),
    ),
    Bad("a parcel left before its money was taken", "I7", changed("carrier_calls", {"key": "o-done:ship"}, at=1000.0)),
    Bad(
        "a parcel left before its transfer arrived",
        "I7",
        changed("carrier_calls", {"key": "o-transferred:ship"}, at=1000.0),
    ),
    Bad(
        "a dead letter hides a parcel whose money went back",
        "I7",
        all_of(
            added("carrier_calls", RecordedCall(99, LATE, "c-dead:ship", "create", "taken")),
            added("carrier_entries", BookEntry("c-dead:ship", "taken", "T-3")),
            changed("provider_entries", {"key": "c-dead:charge"}, status="taken_back"),
        ),
    ),
    Bad(
        "a late parcel left after its undo",
        "I7",
        doubled("carrier_calls", {"key": "c-timed-out:ship"}, seq=99, at=LATE, operation="create", outcome="taken"),
    ),
]
