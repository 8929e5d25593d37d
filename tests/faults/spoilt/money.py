"""Bad histories of money: I3 and I4."""

from dataclasses import replace

from tests.faults.evidence.evidence import Account, Evidence, Snapshot
from tests.faults.evidence.records import RecordedCall
from tests.faults.good.books import TOTAL
from tests.faults.spoilt.histories import Bad, added, all_of, changed, doubled, dropped, last_snapshot

LATE = 9000.0


def _account(name: str, debited: int, credited: int) -> object:
    """Return a function that adds to one account of a snapshot."""

    def balances(snapshot: Snapshot) -> dict[str, Account]:
        known = snapshot.balances[name]
        return snapshot.balances | {name: Account(known.debited + debited, known.credited + credited)}

    return balances


def _forgotten(evidence: Evidence) -> Evidence:
    *before, last = evidence.snapshots
    return replace(evidence, snapshots=(*before, replace(last, captured=last.captured + 1), last))


BAD = [
    Bad("an amount is debited and never credited", "I3", last_snapshot(balances=_account("held", 0, 10))),
    Bad(
        "more is held than was ever captured",
        "I3",
        last_snapshot(
            balances=lambda snapshot: (
                snapshot.balances
                | {"card_clearing": Account(TOTAL * 20, TOTAL * 21), "held": Account(TOTAL * 21, TOTAL * 20)}
            ),
            captured=TOTAL * 20,
            refunded=TOTAL * 20 + 1,
        ),
    ),
    Bad(
        "the ledger has a charge that the provider never captured",
        "I3",
        last_snapshot(captured=lambda snapshot: snapshot.captured - TOTAL + 1),
    ),
    Bad(
        "the ledger has a refund that the provider never made",
        "I3",
        last_snapshot(refunded=lambda snapshot: snapshot.refunded - 1),
    ),
    Bad(
        "the provider refunds more than it captured",
        "I3",
        last_snapshot(refunded=lambda snapshot: snapshot.captured + 1),
    ),
    Bad("captured money disappears during the run", "I3", _forgotten),
    Bad(
        "a completed order was charged half of its price",
        "I3",
        all_of(
            changed("ledger", {"order_id": "o-done"}, amount=TOTAL // 2),
            changed("provider_entries", {"key": "o-done:charge"}, amount=TOTAL // 2),
        ),
    ),
    Bad("a completed order's money was never settled", "I3", dropped("ledger", order_id="o-done", kind="settle")),
    Bad(
        "an undone order's refund is recorded nowhere",
        "I3",
        all_of(
            dropped("ledger", order_id="o-refused", kind="refund"),
            changed("provider_entries", {"key": "o-refused:charge"}, status="taken"),
        ),
    ),
    Bad(
        "the provider refunded, but the ledger has no refund",
        "I3",
        dropped("ledger", order_id="o-refused", kind="refund"),
    ),
    Bad(
        "the provider captured, but the ledger has no charge",
        "I3",
        changed("provider_entries", {"key": "o-declined:charge"}, status="taken"),
    ),
    Bad(
        "the provider's amount differs from the ledger",
        "I3",
        changed("provider_entries", {"key": "o-done:charge"}, amount=TOTAL + 1),
    ),
    Bad(
        "a transfer was returned, but the ledger keeps it",
        "I3",
        changed("transfers", {"order_id": "o-transferred"}, status="returned"),
    ),
    Bad(
        "a ledger entry has no receipt",
        "I3",
        last_snapshot(found=("the ledger has entries that its receipt doesn't explain: ('o-1:charge', None, None)",)),
    ),
    Bad(
        "a second attempt captured again",
        "I4",
        doubled("provider_calls", {"key": "o-done:charge"}, seq=99, at=LATE),
    ),
    Bad(
        "a charge with another run's key captured again",
        "I4",
        added("provider_calls", RecordedCall(99, LATE, "o-done:charge-run-2", "charge", "taken")),
    ),
    Bad(
        "a slip's stop captured twice",
        "I4",
        doubled("provider_calls", {"key": "slip.s-done:charge"}, seq=99, at=LATE),
    ),
    Bad(
        "the money was refunded twice",
        "I4",
        doubled("provider_calls", {"key": "o-refused:charge", "outcome": "taken_back"}, seq=99, at=LATE),
    ),
    Bad(
        "the ledger charged one order twice",
        "I4",
        doubled("ledger", {"key": "o-parked:charge"}, entry=99, key="o-parked:charge"),
    ),
    Bad(
        "a late charge was captured after its refund",
        "I4",
        changed("provider_calls", {"key": "o-refused:charge", "outcome": "taken"}, seq=99),
    ),
    Bad(
        "a fenced charge was captured",
        "I4",
        changed("provider_calls", {"key": "o-cancelled:charge", "outcome": "too late"}, outcome="taken"),
    ),
    Bad(
        "the ledger booked a charge after its refund",
        "I4",
        changed("ledger", {"order_id": "o-refused", "kind": "charge"}, entry=99),
    ),
    Bad(
        "the provider captured twice during the run",
        "I4",
        last_snapshot(
            found=("the provider captured an order's money twice, or refunded money that it never captured: ('o-1',)",)
        ),
    ),
]
