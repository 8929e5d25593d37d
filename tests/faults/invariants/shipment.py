"""I7: a completed order has one live parcel and any other order none; no parcel leaves before its payment.

The parcel is final before money and stock are.
"""

from collections.abc import Iterator

from tests.faults.evidence.dossier import Dossier, step_of
from tests.faults.evidence.records import BookEntry, Parcel
from tests.faults.evidence.runs import EVER_PARKED
from tests.faults.invariants.money import UNDONE_OUTSIDE


def one_live_parcel_if_completed(dossier: Dossier) -> Iterator[str]:
    """A completed order has exactly one live parcel at the carrier, an undone order none, and no order two."""
    live = [entry.key for entry in dossier.carrier_entries if entry.status == "taken"]
    if len(live) > 1 and dossier.style != "slip":
        yield f"{len(live)} parcels of the order are on their way: {live}"
    if not dossier.final or dossier.excuses("ship"):
        return
    if dossier.status == "completed" and dossier.style != "slip" and not live:
        yield "the order is completed, but no parcel is on its way"
    if dossier.status not in {"completed", "terminated"} and any(not dossier.excuses(step_of(key)) for key in live):
        yield f"the order is {dossier.status}, but a parcel is on its way: {live}"


def parcels_match_the_carrier(dossier: Dossier) -> Iterator[str]:
    """The parcels table matches the carrier's records."""
    if not (dossier.final or dossier.parked):
        return
    carrier = {entry.key: _carrier_state(entry) for entry in dossier.carrier_entries}
    own = {parcel.key: _own_state(parcel) for parcel in dossier.parcels}
    for key in sorted(carrier.keys() | own.keys()):
        if carrier.get(key) != own.get(key) and not dossier.excuses(step_of(key)):
            found = f"the carrier has {carrier.get(key) or 'nothing'}"
            yield f"{key}: {found}, the parcels table has {own.get(key) or 'nothing'}"


def _carrier_state(entry: BookEntry) -> str | None:
    state = {"taken": "on its way", "taken_back": "taken back"}.get(entry.status)
    return f"{entry.reference} {state}" if state else None


def _own_state(parcel: Parcel) -> str:
    return f"{parcel.tracking} {'taken back' if parcel.recalled_at else 'on its way'}"


def no_parcel_before_its_payment(dossier: Dossier) -> Iterator[str]:
    """A parcel is handed over only after its payment."""
    if dossier.style == "slip":  # the itinerary decides the order of the stops, and whether anything is paid
        return
    paid = [call.at for call in dossier.provider_calls if call.outcome == "taken"]
    paid += [entry.at for entry in dossier.ledger if entry.kind == "charge" and entry.debit == "bank"]
    for call in dossier.carrier_calls:
        if call.outcome == "taken" and (not paid or call.at < min(paid)):
            when = "before its payment" if paid else "without a payment"
            yield f"{call.key}: was handed over at {call.at:.3f}, {when}"


def no_live_parcel_after_its_refund(dossier: Dossier) -> Iterator[str]:
    """No money is refunded while its parcel is on its way, unless the parcel's undo is parked."""
    waited = any(line.step == "ship" and line.status in EVER_PARKED for run in dossier.processes for line in run.log)
    live = [entry.key for entry in dossier.carrier_entries if entry.status == "taken"]
    waited |= dossier.style == "slip"  # the itinerary may ship first and charge later
    if live and not waited and any(entry.status == "taken_back" for entry in dossier.provider_entries):
        yield f"a parcel is on its way, but its money was refunded: {', '.join(live)}"


def no_parcel_after_its_undo(dossier: Dossier) -> Iterator[str]:
    """After its parcel came back or was fenced, the carrier accepts no parcel under the same key."""
    stopped: set[str] = set()
    for call in sorted(dossier.carrier_calls, key=lambda call: call.seq):
        if call.outcome == "taken" and call.key in stopped:
            yield f"{call.key}: was handed over (call {call.seq}) after its undo"
        if call.outcome in UNDONE_OUTSIDE:
            stopped.add(call.key)


def the_parcel_is_settled_first(dossier: Dossier) -> Iterator[str]:
    """Money and stock of an order are final only when its parcel is."""
    status = {receipt.service: receipt.status for receipt in dossier.receipts}
    if dossier.style == "slip" or status.get("shipping") == "settled" or dossier.excuses("ship"):
        return
    for service in ("payments", "inventory"):
        if status.get(service) == "settled":
            yield f"its {service} receipt is settled, but the one of its parcel is {status.get('shipping', 'missing')}"
