"""The timeline of one order, from every record of the order."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.evidence.dossier import Dossier, dossiers
from tests.faults.evidence.evidence import Evidence
from tests.faults.evidence.runs import ObservedProcess

# A fault without an order belongs to the timeline when it struck during the order, or at most this long before it.
SECONDS_BEFORE = 5.0


@dataclass(frozen=True)
class Moment:
    """One entry of a timeline: the time, the source of the record, and the text."""

    at: float
    source: str
    text: str


def timeline(evidence: Evidence, order_id: str) -> str:
    """Return an order's records, one line each, sorted by time; the seconds count from the first record."""
    dossier = next((known for known in dossiers(evidence) if known.order_id == order_id), Dossier(order_id))
    records = [
        *_asked(dossier),
        *_sagas(dossier),
        *_outside_records(dossier),
        *_own_records(dossier),
        *_outbox(dossier),
    ]
    moments = _by_time(records)
    if not moments:
        return f"{order_id}: no evidence of this order"
    begun = moments[0].at
    hits = _hits(evidence, order_id, begun - SECONDS_BEFORE, moments[-1].at)
    lines = [f"{moment.at - begun:+9.3f}  {moment.source:9}  {moment.text}" for moment in _by_time([*moments, *hits])]
    return "\n".join([_head(dossier), *lines])


def _by_time(moments: list[Moment]) -> list[Moment]:
    """Sort by time; records with equal times keep their order."""
    return sorted(moments, key=lambda moment: moment.at)


def _head(dossier: Dossier) -> str:
    row = dossier.row
    if row is None:
        return f"{dossier.order_id}: no row"
    return f"{dossier.order_id}: {row.style}, {row.status}{f' ({row.reason})' if row.reason else ''}"


def _hits(evidence: Evidence, order_id: str, first: float, last: float) -> Iterator[Moment]:
    for hit in evidence.hits:
        if hit.order_id == order_id or (not hit.order_id and first <= hit.at <= last):
            yield Moment(hit.at, "FAULT", f"{hit.fault} {hit.where}".strip())


def _asked(dossier: Dossier) -> Iterator[Moment]:
    for asked in dossier.asked:
        yield Moment(asked.at, "asked", f"{asked.op} {asked.detail}: {asked.answer}".replace(" :", ":"))


def _sagas(dossier: Dossier) -> Iterator[Moment]:
    for run in dossier.processes:
        yield Moment(run.started_at, "temporal", f"{run.type} begins ({run.began}, run {run.run_id[:8]})")
        yield from _log(run)
        if run.closed_at is not None:
            yield Moment(
                run.closed_at, "temporal", f"{run.type} ends: {run.status}, {run.outcome} {run.failure}".rstrip()
            )


def _log(run: ObservedProcess) -> Iterator[Moment]:
    for line in run.log:
        what = f"{line.direction} {line.step}"
        if line.direction == "resolve":
            yield Moment(line.started_at, "saga", f"{what}: {line.summary}, {line.result}")
            continue
        yield Moment(line.started_at, "saga", f"{what} begins: {line.summary}")
        if line.completed_at is not None:
            error = f": {line.error}" if line.error else ""
            yield Moment(line.completed_at, "saga", f"{what} ends: {line.status}, attempt {line.attempt}{error}")


def _outside_records(dossier: Dossier) -> Iterator[Moment]:
    for source, calls in (("provider", dossier.provider_calls), ("carrier", dossier.carrier_calls)):
        for call in calls:
            yield Moment(call.at, source, f"{call.operation} {call.key}: {call.outcome} (call {call.seq})")


def _own_records(dossier: Dossier) -> Iterator[Moment]:
    for receipt in dossier.receipts:
        now = f"{receipt.status} at the end, {receipt.undos} undos"
        yield Moment(receipt.at, receipt.service, f"receipt {receipt.key} ({now})")
    for entry in dossier.ledger:
        yield Moment(
            entry.at, "ledger", f"{entry.kind} {entry.amount}: {entry.debit} from {entry.credit} (entry {entry.entry})"
        )
    for parcel in dossier.parcels:
        yield Moment(parcel.handed_over_at, "parcels", f"{parcel.tracking} handed over")
        if parcel.recalled_at is not None:
            yield Moment(parcel.recalled_at, "parcels", f"{parcel.tracking} recalled")
    for row in dossier.rows:
        yield Moment(
            row.created_at, "orders", f"accepted at {row.total}" if row.body_hash else "closed before it was accepted"
        )
        if row.closed_at is not None:
            yield Moment(row.closed_at, "orders", f"closed: {row.status}")
    for alert in dossier.alerts:
        yield Moment(
            alert.raised_at,
            "alerts",
            f"{alert.direction} {alert.step} is parked: {alert.failure}, {alert.at_risk} at risk",
        )


def _outbox(dossier: Dossier) -> Iterator[Moment]:
    names = {event.event_id: event.name for event in dossier.events}
    for event in dossier.events:
        cause = names.get(event.causation_id or "")
        why = f", because of {cause}" if cause else ""
        yield Moment(event.at, "outbox", f"{event.name} committed by {event.publisher}{why}")
        if event.published_at is not None:
            again = f", redriven {event.redrives} times" if event.redrives else ""
            yield Moment(event.published_at, "outbox", f"{event.name} published{again}")
    for noted in dossier.consumed:
        what = names.get(noted.event_id, noted.event_id)
        late = "" if noted.follows else ", too late for any effect"
        yield Moment(noted.at, "inbox", f"{what} consumed by {noted.consumer}{late}")
    for letter in dossier.letters:
        died = f"{letter.channel} {letter.message_id}: {letter.cause}, {letter.attempts} attempts"
        yield Moment(letter.at, "dead", f"{died}; {letter.status} at the end")
