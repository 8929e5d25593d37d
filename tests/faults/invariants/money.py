"""I3 and I4: money is neither created nor lost at any moment; it is taken once, and never after a refund."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.evidence.dossier import Dossier, step_of
from tests.faults.evidence.evidence import Evidence, Snapshot
from tests.faults.evidence.records import RecordedCall

# The ledger's entries for each status at the provider or the bank. A `settle` entry has no counterpart outside.
BY_PROVIDER = {"taken": ["charge"], "taken_back": ["charge", "refund"]}
BY_BANK = {"settled": ["charge"], "returned": ["charge", "refund"]}
UNDONE_OUTSIDE = {"taken_back", "nothing to undo"}


def every_snapshot_balances(evidence: Evidence) -> Iterator[str]:
    """Every snapshot balances, and the ledger has no money that the provider doesn't have."""
    for snapshot in evidence.snapshots:
        for problem in _imbalances(snapshot):
            yield f"at {snapshot.at:.3f}: {problem}"


def _imbalances(snapshot: Snapshot) -> Iterator[str]:
    net = {name: account.debited - account.credited for name, account in snapshot.balances.items()}
    clearing, bank, held, revenue = (net.get(name, 0) for name in ("card_clearing", "bank", "held", "revenue"))
    if clearing + bank + held + revenue:
        yield f"card_clearing {clearing} + bank {bank} is not held {-held} + revenue {-revenue}"
    if min(clearing, bank, -held, -revenue) < 0:
        yield f"an account is on the wrong side: {net}"
    if snapshot.refunded > snapshot.captured:
        yield f"the provider refunded {snapshot.refunded} and captured only {snapshot.captured}"
    clearing_account = snapshot.balances.get("card_clearing")
    if clearing_account and clearing_account.debited > snapshot.captured:
        yield f"the ledger has {clearing_account.debited} charged by card, the provider only {snapshot.captured}"
    if clearing_account and clearing_account.credited > snapshot.refunded:
        yield f"the ledger has {clearing_account.credited} refunded by card, the provider only {snapshot.refunded}"


def no_sum_shrinks(evidence: Evidence) -> Iterator[str]:
    """No debit or credit of an account and no total of the provider ever shrinks."""
    for before, after in pairwise(evidence.snapshots):
        sums = _sums(after)
        shrunk = [name for name, amount in _sums(before).items() if sums.get(name, 0) < amount]
        if shrunk:
            yield f"between {before.at:.3f} and {after.at:.3f} these sums shrank: {', '.join(shrunk)}"


def _sums(snapshot: Snapshot) -> dict[str, int]:
    sums = {"captured": snapshot.captured, "refunded": snapshot.refunded}
    for name, account in snapshot.balances.items():
        sums |= {f"{name} debited": account.debited, f"{name} credited": account.credited}
    return sums


def the_order_keeps_its_price(dossier: Dossier) -> Iterator[str]:
    """A completed order is paid in full; an order that ended otherwise has refunded everything."""
    row, kinds = dossier.row, _kinds(dossier)
    if row is None or not row.closed_at:
        return
    if row.status == "completed" and row.style != "slip" and not dossier.excuses("charge"):
        charged = sum(entry.amount for entry in dossier.ledger if entry.kind == "charge")
        if charged != row.total:
            yield f"the order completed at {row.total}, but {charged} was charged"
        if any(sorted(of_key) != ["charge", "settle"] for of_key in kinds.values()):
            yield f"the order is completed, but its ledger entries are {kinds}"
    if row.status not in {"completed", "terminated"}:
        for key, of_key in kinds.items():
            if sorted(of_key) != ["charge", "refund"] and not dossier.excuses(step_of(key)):
                yield f"the order is {row.status}, but the ledger entries of {key} are {' '.join(of_key)}"


def the_ledger_agrees_with_the_outside(dossier: Dossier) -> Iterator[str]:
    """The ledger's entries and amount of a charge match the record of the provider or the bank."""
    if not (dossier.final or dossier.parked):
        return
    kinds = _kinds(dossier)
    outside = {entry.key: (BY_PROVIDER.get(entry.status, []), entry.amount) for entry in dossier.provider_entries}
    outside |= {transfer.key: (BY_BANK.get(transfer.status, []), transfer.amount) for transfer in dossier.transfers}
    for key in sorted(kinds.keys() | outside.keys()):
        expected, amount = outside.get(key, ([], 0))
        booked = sorted(kind for kind in kinds.get(key, []) if kind != "settle")
        if dossier.excuses(step_of(key)):
            continue
        if booked != expected:
            yield f"{key}: the outside record means {expected or 'nothing'}, the ledger has {booked or 'nothing'}"
        elif any(entry.amount != amount for entry in dossier.ledger if entry.key == key):
            amounts = [entry.amount for entry in dossier.ledger if entry.key == key]
            yield f"{key}: the outside amount is {amount}, the ledger has {amounts}"


def _kinds(dossier: Dossier) -> dict[str, list[str]]:
    kinds = defaultdict(list)
    for entry in dossier.ledger:
        kinds[entry.key].append(entry.kind)
    return dict(kinds)


def money_is_taken_once(dossier: Dossier) -> Iterator[str]:
    """An order, or a slip's stop, has at most one capture, and no more refunds than captures."""
    slip = dossier.style == "slip"
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for call in dossier.provider_calls:
        counts[call.key if slip else dossier.order_id][0] += call.outcome == "taken"
        counts[call.key if slip else dossier.order_id][1] += call.outcome == "taken_back"
    for what, (taken, given_back) in counts.items():
        if taken > 1:
            yield f"the provider took money {taken} times for {what}"
        if given_back > taken:
            yield f"the provider refunded {given_back} times for {what}, and captured {taken} times"
    for kind in ("charge", "refund", "settle"):
        keys = [entry.key for entry in dossier.ledger if entry.kind == kind]
        if len(keys) > (len(set(keys)) if slip else 1):
            yield f"the ledger has {len(keys)} entries of kind {kind}"


def no_capture_after_a_refund(dossier: Dossier) -> Iterator[str]:
    """After a refund or a fencing undo of a key, the provider captures and the ledger books nothing under it."""
    yield from _late(dossier.provider_calls, "the provider took money")
    refunds = {entry.key: entry.entry for entry in dossier.ledger if entry.kind == "refund"}
    for entry in dossier.ledger:
        if entry.kind == "charge" and entry.entry > refunds.get(entry.key, entry.entry):
            yield f"{entry.key}: the ledger has the charge after its refund"


def _late(calls: list[RecordedCall], did: str) -> Iterator[str]:
    stopped: dict[str, RecordedCall] = {}
    for call in sorted(calls, key=lambda call: call.seq):
        if call.outcome in UNDONE_OUTSIDE:
            stopped.setdefault(call.key, call)
        if call.outcome == "taken" and call.key in stopped:
            yield f"{call.key}: {did} (call {call.seq}) after call {stopped[call.key].seq}: {stopped[call.key].outcome}"
