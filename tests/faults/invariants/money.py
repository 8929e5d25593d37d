"""I3 and I4: money is neither made nor lost, at any moment; it is taken once, and never after it was given back."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.evidence.dossier import Dossier, step_of
from tests.faults.evidence.evidence import Evidence, Snapshot
from tests.faults.evidence.records import RecordedCall

# What our ledger must say of a charge, by what the outside says of it. A settling is our own affair.
BY_PROVIDER = {"taken": ["charge"], "taken_back": ["charge", "refund"]}
BY_BANK = {"settled": ["charge"], "returned": ["charge", "refund"]}
GIVEN_BACK = {"taken_back", "nothing to undo"}


def every_snapshot_balances(evidence: Evidence) -> Iterator[str]:
    """At every moment assets are liabilities, and our ledger knows of no money that the provider doesn't."""
    for snapshot in evidence.snapshots:
        for told in _imbalances(snapshot):
            yield f"at {snapshot.at:.3f}: {told}"


def _imbalances(snapshot: Snapshot) -> Iterator[str]:
    net = {name: account.debited - account.credited for name, account in snapshot.balances.items()}
    clearing, bank, held, revenue = (net.get(name, 0) for name in ("card_clearing", "bank", "held", "revenue"))
    if clearing + bank + held + revenue:
        yield f"card_clearing {clearing} + bank {bank} is not held {-held} + revenue {-revenue}"
    if min(clearing, bank, -held, -revenue) < 0:
        yield f"an account is on the wrong side: {net}"
    if snapshot.refunded > snapshot.captured:
        yield f"the provider gave back {snapshot.refunded} and took only {snapshot.captured}"
    ours = snapshot.balances.get("card_clearing")
    if ours and ours.debited > snapshot.captured:
        yield f"the ledger took {ours.debited} by card, the provider only {snapshot.captured}"
    if ours and ours.credited > snapshot.refunded:
        yield f"the ledger gave back {ours.credited} by card, the provider only {snapshot.refunded}"


def what_was_booked_stays(evidence: Evidence) -> Iterator[str]:
    """No account and neither sum of the provider's ever shrinks."""
    for before, after in pairwise(evidence.snapshots):
        sums = _sums(after)
        shrunk = [name for name, amount in _sums(before).items() if sums.get(name, 0) < amount]
        if shrunk:
            yield f"between {before.at:.3f} and {after.at:.3f} these shrank: {', '.join(shrunk)}"


def _sums(snapshot: Snapshot) -> dict[str, int]:
    sums = {"captured": snapshot.captured, "refunded": snapshot.refunded}
    for name, account in snapshot.balances.items():
        sums |= {f"{name} debited": account.debited, f"{name} credited": account.credited}
    return sums


def the_order_keeps_what_it_should(dossier: Dossier) -> Iterator[str]:
    """A completed order is paid, with its price; any other that has ended has given everything back."""
    row, kinds = dossier.row, _kinds(dossier)
    if row is None or not row.closed_at:
        return
    if row.status == "completed" and row.style != "slip" and not dossier.excuses("charge"):
        charged = sum(entry.amount for entry in dossier.ledger if entry.kind == "charge")
        if charged != row.total:
            yield f"it is completed at {row.total}, and {charged} was charged"
        if any(sorted(of_key) != ["charge", "settle"] for of_key in kinds.values()):
            yield f"it is completed, and its ledger entries are {kinds}"
    if row.status not in {"completed", "terminated"}:
        for key, of_key in kinds.items():
            if sorted(of_key) != ["charge", "refund"] and not dossier.excuses(step_of(key)):
                yield f"it is {row.status}, and the ledger entries of {key} are {' '.join(of_key)}"


def the_ledger_agrees_with_the_outside(dossier: Dossier) -> Iterator[str]:
    """What the provider, or the bank, says of a charge is what our ledger says, in the same amount."""
    if not (dossier.final or dossier.parked):
        return
    kinds = _kinds(dossier)
    outside = {entry.key: (BY_PROVIDER.get(entry.status, []), entry.amount) for entry in dossier.provider_entries}
    outside |= {transfer.key: (BY_BANK.get(transfer.status, []), transfer.amount) for transfer in dossier.transfers}
    for key in sorted(kinds.keys() | outside.keys()):
        expected, amount = outside.get(key, ([], 0))
        said = sorted(kind for kind in kinds.get(key, []) if kind != "settle")
        if dossier.excuses(step_of(key)):
            continue
        if said != expected:
            yield f"{key}: the provider has {expected or 'nothing'}, the ledger {said or 'nothing'}"
        elif any(entry.amount != amount for entry in dossier.ledger if entry.key == key):
            yield f"{key}: the provider has {amount}, the ledger {[e.amount for e in dossier.ledger if e.key == key]}"


def _kinds(dossier: Dossier) -> dict[str, list[str]]:
    kinds = defaultdict(list)
    for entry in dossier.ledger:
        kinds[entry.key].append(entry.kind)
    return dict(kinds)


def money_is_taken_once(dossier: Dossier) -> Iterator[str]:
    """At most one capture for an order, or for a stop of a slip, and no more refunds than captures."""
    slip = dossier.style == "slip"
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for call in dossier.provider_calls:
        counts[call.key if slip else dossier.order_id][0] += call.outcome == "taken"
        counts[call.key if slip else dossier.order_id][1] += call.outcome == "taken_back"
    for what, (taken, given_back) in counts.items():
        if taken > 1:
            yield f"the provider took money {taken} times for {what}"
        if given_back > taken:
            yield f"the provider gave back {given_back} times for {what}, and took {taken} times"
    for kind in ("charge", "refund", "settle"):
        keys = [entry.key for entry in dossier.ledger if entry.kind == kind]
        if len(keys) > (len(set(keys)) if slip else 1):
            yield f"the ledger has {len(keys)} entries of kind {kind}"


def nothing_is_taken_after_it_was_given_back(dossier: Dossier) -> Iterator[str]:
    """Once a key was refunded, or stopped before it came, the provider takes nothing under it, and we book nothing."""
    yield from _late(dossier.provider_calls, "the provider took money")
    refunds = {entry.key: entry.entry for entry in dossier.ledger if entry.kind == "refund"}
    for entry in dossier.ledger:
        if entry.kind == "charge" and entry.entry > refunds.get(entry.key, entry.entry):
            yield f"{entry.key}: the ledger has the charge after its refund"


def _late(calls: list[RecordedCall], did: str) -> Iterator[str]:
    stopped: dict[str, RecordedCall] = {}
    for call in sorted(calls, key=lambda call: call.seq):
        if call.outcome in GIVEN_BACK:
            stopped.setdefault(call.key, call)
        if call.outcome == "taken" and call.key in stopped:
            yield f"{call.key}: {did} (call {call.seq}) after call {stopped[call.key].seq}: {stopped[call.key].outcome}"
