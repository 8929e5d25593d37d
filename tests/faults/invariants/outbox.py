"""I9: every committed event reaches its consumer, is applied once, and in the order of its process."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.evidence.dossier import Dossier
from tests.faults.evidence.evidence import Evidence
from tests.faults.evidence.messages import EventRow

TIMED_OUT = "OrderTimedOut"
# Event type → its consumer and the event types that may follow, as in docs/choreography.md; a second source on purpose.
LISTENS = {
    "OrderPlaced": ("inventory", {"StockReserved", "StockRejected"}),
    "StockReserved": ("payments", {"PaymentCharged", "PaymentDeclined"}),
    "PaymentCharged": ("shipping", {"ShipmentCreated", "ShipmentRefused"}),
    "ShipmentCreated": ("payments", {"PaymentSettled"}),
    "PaymentSettled": ("inventory", {"StockSettled"}),
    "StockSettled": ("orders", {"OrderCompleted"}),
    "StockRejected": ("orders", {"OrderFailed"}),
    "PaymentDeclined": ("inventory", {"StockReleased"}),
    "ShipmentRefused": ("payments", {"PaymentRefunded"}),
    TIMED_OUT: ("shipping", {"ShipmentRecalled", "ShipmentCreated"}),  # the latter when the parcel is final
    "ShipmentRecalled": ("payments", {"PaymentRefunded"}),
    "PaymentRefunded": ("inventory", {"StockReleased"}),
    "StockReleased": ("orders", {"OrderFailed"}),
}


def no_event_is_lost(dossier: Dossier) -> Iterator[str]:
    """Every event was published and consumed, except in an order with a dead letter and before an order's timeout."""
    consumed = {(noted.event_id, noted.consumer) for noted in dossier.consumed}
    timed_out = max((event.sequence for event in dossier.events if event.type == TIMED_OUT), default=0)
    if dossier.dead:
        return
    for event in dossier.events:
        if event.published_at is None:
            yield f"{_name(event)} was never published"
        elif event.type not in LISTENS or (event.sequence < timed_out and event.type != TIMED_OUT):
            continue
        elif (event.event_id, LISTENS[event.type][0]) not in consumed:
            yield f"{_name(event)} never reached {LISTENS[event.type][0]}"


def no_event_is_misdelivered(evidence: Evidence) -> Iterator[str]:
    """Every consumed event was committed and is meant for its consumer."""
    types = {event.event_id: event.type for event in evidence.events}
    for noted in evidence.consumed:
        kind = types.get(noted.event_id)
        if kind is None:
            yield f"{noted.consumer} consumed {noted.event_id}, which was never committed"
        elif kind not in LISTENS or noted.consumer != LISTENS[kind][0]:
            yield f"{noted.consumer} consumed {noted.event_id}, which is {kind} and meant for another consumer"


def every_event_is_applied_once(dossier: Dossier) -> Iterator[str]:
    """A consumer records an event once, and one event of an allowed type follows from it."""
    for (consumer, event_id), count in Counter((n.consumer, n.event_id) for n in dossier.consumed).items():
        if count > 1:
            yield f"{consumer} recorded {event_id} {count} times"
    made: dict[str, list[EventRow]] = {}
    for event in dossier.events:
        if event.type != TIMED_OUT and event.causation_id:
            made.setdefault(event.causation_id, []).append(event)
    for cause in dossier.events:
        followers = made.get(cause.event_id, [])
        if len(followers) > 1:
            yield f"{_name(cause)} was applied {len(followers)} times: {', '.join(map(_name, followers))}"
        for event in followers:
            if event.type not in LISTENS.get(cause.type, ("", set()))[1]:
                yield f"{_name(event)} must not follow {_name(cause)}"


def events_keep_their_order(dossier: Dossier) -> Iterator[str]:
    """Events are numbered without a gap, follow their cause, and were published and consumed in order."""
    events = sorted(dossier.events, key=lambda event: event.sequence)
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        yield f"its events are numbered {[event.sequence for event in events]}"
    known: set[str] = set()
    for event in events:
        if event.causation_id is None and event.sequence > 1:
            yield f"{_name(event)} has no cause"
        if event.causation_id is not None and event.causation_id not in known:
            yield f"{_name(event)} has a cause that did not come before it"
        known.add(event.event_id)
    first_time = [event for event in events if event.published_at and not event.redrives]
    for before, after in pairwise(first_time):
        if (before.published_at or 0) > (after.published_at or 0):
            yield f"{_name(after)} was published before {_name(before)}"
    yield from _consumed_late(dossier)


def _consumed_late(dossier: Dossier) -> Iterator[str]:
    noted = {consumed.event_id: consumed.at for consumed in dossier.consumed}
    for event in dossier.events:
        if event.type != TIMED_OUT and event.causation_id and noted.get(event.causation_id, event.at) > event.at:
            yield f"{_name(event)} was made before its cause was consumed"


def only_choreographed_orders_append_events(dossier: Dossier) -> Iterator[str]:
    """Only a choreographed order appends events, and its first event is OrderPlaced."""
    first = min(dossier.events, key=lambda event: event.sequence, default=None)
    if first and dossier.style not in {"choreographed", ""}:
        yield f"the order is {dossier.style}, but appended {_name(first)}"
    elif dossier.style == "choreographed" and (first is None or first.type != "OrderPlaced"):
        yield f"the order is choreographed, and begins with {first.type if first else 'nothing'}"


def _name(event: EventRow) -> str:
    return f"{event.type} (event {event.sequence})"
