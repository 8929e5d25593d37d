"""I7: a completed order has one parcel on its way and any other none; no parcel leaves before it is paid for."""

from collections.abc import Iterator

from tests.faults.evidence.dossier import EVER_PARKED, Dossier, step_of
from tests.faults.evidence.records import BookEntry, Parcel
from tests.faults.invariants.money import GIVEN_BACK


def one_live_parcel_if_completed(dossier: Dossier) -> Iterator[str]:
    """A completed order has exactly one live parcel at the carrier; never are there two; an undone order has none."""
    live = [entry.key for entry in dossier.carrier_entries if entry.status == "taken"]
    if len(live) > 1 and dossier.style != "slip":
        yield f"{len(live)} of its parcels are on their way: {live}"
    if not dossier.final or dossier.excuses("ship"):
        return
    if dossier.status == "completed" and dossier.style != "slip" and not live:
        yield "it is completed, and no parcel is on its way"
    if dossier.status not in {"completed", "terminated"} and any(not dossier.excuses(step_of(key)) for key in live):
        yield f"it is {dossier.status}, and a parcel is on its way: {live}"


def our_parcels_are_the_carriers(dossier: Dossier) -> Iterator[str]:
    """What our books say of a parcel is what the carrier's say."""
    if not (dossier.final or dossier.parked):
        return
    theirs = {entry.key: _of_carrier(entry) for entry in dossier.carrier_entries}
    ours = {parcel.key: _of_ours(parcel) for parcel in dossier.parcels}
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key) and not dossier.excuses(step_of(key)):
            yield f"{key}: the carrier has {theirs.get(key) or 'nothing'}, parcels {ours.get(key) or 'nothing'}"


def _of_carrier(entry: BookEntry) -> str | None:
    told = {"taken": "on its way", "taken_back": "taken back"}.get(entry.status)
    return f"{entry.reference} {told}" if told else None


def _of_ours(parcel: Parcel) -> str:
    return f"{parcel.tracking} {'taken back' if parcel.recalled_at else 'on its way'}"


def no_parcel_before_the_money(dossier: Dossier) -> Iterator[str]:
    """A parcel is handed over only when the money was there."""
    if dossier.style == "slip":  # its itinerary says what comes first, and whether anything is paid
        return
    paid = [call.at for call in dossier.provider_calls if call.outcome == "taken"]
    paid += [entry.at for entry in dossier.ledger if entry.kind == "charge" and entry.debit == "bank"]
    for call in dossier.carrier_calls:
        if call.outcome == "taken" and (not paid or call.at < min(paid)):
            yield f"{call.key}: was handed over at {call.at:.3f}, {'and paid later' if paid else 'and never paid'}"


def no_parcel_whose_money_went_back(dossier: Dossier) -> Iterator[str]:
    """Money goes back after the parcel has, also where a person is waited for, unless the parcel is what waits."""
    waited = any(line.step == "ship" and line.status in EVER_PARKED for run in dossier.processes for line in run.log)
    live = [entry.key for entry in dossier.carrier_entries if entry.status == "taken"]
    waited |= dossier.style == "slip"  # its itinerary may ship first and charge then
    if live and not waited and any(entry.status == "taken_back" for entry in dossier.provider_entries):
        yield f"a parcel is on its way, and its money went back: {', '.join(live)}"


def no_parcel_after_it_was_stopped(dossier: Dossier) -> Iterator[str]:
    """Once a parcel was taken back, or stopped before it came, the carrier takes none under its key."""
    stopped: set[str] = set()
    for call in sorted(dossier.carrier_calls, key=lambda call: call.seq):
        if call.outcome == "taken" and call.key in stopped:
            yield f"{call.key}: was handed over (call {call.seq}) after it was taken back or stopped"
        if call.outcome in GIVEN_BACK:
            stopped.add(call.key)
