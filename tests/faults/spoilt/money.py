"""Bad histories of money: I3 and I4."""

from dataclasses import replace

from tests.faults.evidence.evidence import Account, Evidence, Snapshot
from tests.faults.evidence.records import RecordedCall
from tests.faults.good.books import TOTAL
from tests.faults.spoilt.histories import Bad, added, all_of, changed, doubled, dropped, last_snapshot

LATE = 9000.0


def _account(name: str, debited: int, credited: int) -> object:
    """A change of one account of a snapshot."""

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
        "more is held back than was ever taken",
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
        "our ledger takes a charge that the provider never took",
        "I3",
        last_snapshot(captured=lambda snapshot: snapshot.captured - TOTAL + 1),
    ),
    Bad(
        "our ledger gives back what the provider never gave back",
        "I3",
        last_snapshot(refunded=lambda snapshot: snapshot.refunded - 1),
    ),
    Bad(
        "the provider gives back more than it took",
        "I3",
        last_snapshot(refunded=lambda snapshot: snapshot.captured + 1),
    ),
    Bad("money that was taken is forgotten while the run goes on", "I3", _forgotten),
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
        "an undone order's refund is in nobody's book",
        "I3",
        all_of(
            dropped("ledger", order_id="o-refused", kind="refund"),
            changed("provider_entries", {"key": "o-refused:charge"}, status="taken"),
        ),
    ),
    Bad(
        "the provider gave money back, and our ledger says nothing of it",
        "I3",
        dropped("ledger", order_id="o-refused", kind="refund"),
    ),
    Bad(
        "the provider took money, and our ledger says nothing of it",
        "I3",
        changed("provider_entries", {"key": "o-declined:charge"}, status="taken"),
    ),
    Bad(
        "the provider took another amount than our ledger has",
        "I3",
        changed("provider_entries", {"key": "o-done:charge"}, amount=TOTAL + 1),
    ),
    Bad(
        "a transfer went back, and our ledger keeps it",
        "I3",
        changed("transfers", {"order_id": "o-transferred"}, status="returned"),
    ),
    Bad(
        "an entry of the ledger is explained by no receipt",
        "I3",
        last_snapshot(found=("the ledger has entries that its receipt doesn't explain: ('o-1:charge', None, None)",)),
    ),
    Bad(
        "a second attempt took the money again",
        "I4",
        doubled("provider_calls", {"key": "o-done:charge"}, seq=99, at=LATE),
    ),
    Bad(
        "a charge with a key of another run took the money again",
        "I4",
        added("provider_calls", RecordedCall(99, LATE, "o-done:charge-run-2", "charge", "taken")),
    ),
    Bad(
        "a slip's stop took the money twice",
        "I4",
        doubled("provider_calls", {"key": "slip.s-done:charge"}, seq=99, at=LATE),
    ),
    Bad(
        "the money went back twice",
        "I4",
        doubled("provider_calls", {"key": "o-refused:charge", "outcome": "taken_back"}, seq=99, at=LATE),
    ),
    Bad(
        "our ledger charged one order twice",
        "I4",
        doubled("ledger", {"key": "o-parked:charge"}, entry=99, key="o-parked:charge"),
    ),
    Bad(
        "a late charge was taken after its refund",
        "I4",
        changed("provider_calls", {"key": "o-refused:charge", "outcome": "taken"}, seq=99),
    ),
    Bad(
        "a charge that was stopped before it came was taken all the same",
        "I4",
        changed("provider_calls", {"key": "o-cancelled:charge", "outcome": "too late"}, outcome="taken"),
    ),
    Bad(
        "our ledger booked a charge after its refund",
        "I4",
        changed("ledger", {"order_id": "o-refused", "kind": "charge"}, entry=99),
    ),
    Bad(
        "the provider took money twice while the run went on",
        "I4",
        last_snapshot(
            found=("the provider took money for one order twice, or gave back what it never took: ('o-1',)",)
        ),
    ),
]
