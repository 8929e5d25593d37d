"""I9: every committed event reaches its consumer, is applied once, after its cause, and reports what happened."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence.dossier import Dossier
from tests.faults.evidence.evidence import Evidence
from tests.faults.evidence.messages import Consumed, EventRow

PLACED, TIMED_OUT = "OrderPlaced", "OrderTimedOut"
# Event type → its consumer and the event types that may follow, as in docs/choreography.md; a second source on purpose.
LISTENS = {
    PLACED: ("inventory", {"StockReserved", "StockRejected"}),
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
# The service that follows an event is the one that consumes it.
PUBLISHERS = {PLACED: "orders", TIMED_OUT: "orders"} | {
    follower: consumer for consumer, followers in LISTENS.values() for follower in followers
}
# Event type → the event type of its undo, the step of its receipt, and what the receipt says if the effect happened.
EFFECTS = {
    "StockReserved": ("StockReleased", "reserve", {"done", "settled", "undone"}),
    "PaymentCharged": ("PaymentRefunded", "charge", {"done", "settled", "undone"}),
    "ShipmentCreated": ("ShipmentRecalled", "ship", {"settled"}),
}


def no_event_is_lost(dossier: Dossier) -> Iterator[str]:
    """Every event was published and consumed, except in an order with a dead letter, and what an operator gave up.

    An event that came too late, because its order went back or has ended, is consumed, too.
    """
    consumed = {(noted.event_id, noted.consumer) for noted in dossier.consumed}
    given_up = {letter.message_id.partition(":")[0] for letter in dossier.letters if letter.status == "discarded"}
    if dossier.dead:
        return
    for event in dossier.events:
        if event.event_id in given_up:
            continue
        if event.published_at is None:
            yield f"{event.name} was never published"
        elif event.type in LISTENS and (event.event_id, LISTENS[event.type][0]) not in consumed:
            yield f"{event.name} never reached {LISTENS[event.type][0]}"


def no_event_is_misdelivered(evidence: Evidence) -> Iterator[str]:
    """Every consumed event was committed as what it was consumed as, and is meant for its consumer."""
    known = {event.event_id: event for event in evidence.events}
    for noted in evidence.consumed:
        event = known.get(noted.event_id)
        if event is None:
            yield f"{noted.consumer} consumed {noted.event_id}, which was never committed"
        elif (noted.type, noted.order_id) != (event.type, event.order_id):
            yield f"{noted.consumer} consumed {event.name} of {event.order_id} as {noted.type} of {noted.order_id}"
        elif event.type not in LISTENS or noted.consumer != LISTENS[event.type][0]:
            yield f"{noted.consumer} consumed {event.name}, which is meant for another consumer"


def every_event_is_applied_once(dossier: Dossier) -> Iterator[str]:
    """A consumer records an event once, with what follows: one event of an allowed type, or none if it was too late."""
    for (consumer, event_id), count in Counter((n.consumer, n.event_id) for n in dossier.consumed).items():
        if count > 1:
            yield f"{consumer} recorded {event_id} {count} times"
    made: dict[str, list[EventRow]] = {}
    for event in dossier.events:
        if event.type != TIMED_OUT and event.causation_id:
            made.setdefault(event.causation_id, []).append(event)
    noted = {each.event_id: each for each in dossier.consumed}
    for cause in dossier.events:
        yield from _wrong_followers(cause, made.get(cause.event_id, []), noted.get(cause.event_id))


def _wrong_followers(cause: EventRow, followers: list[EventRow], noted: Consumed | None) -> Iterator[str]:
    if len(followers) > 1:
        names = ", ".join(event.name for event in followers)
        yield f"{cause.name} was applied {len(followers)} times: {names}"
    for event in followers:
        if event.type not in LISTENS.get(cause.type, ("", set()))[1]:
            yield f"{event.name} must not follow {cause.name}"
    follows = {noted.follows} - {None} if noted else set()
    if {event.type for event in followers} != follows:
        inbox = (
            f"{noted.consumer} noted {noted.follows or 'that nothing'}" if noted else "nobody consumed it, so nothing"
        )
        yield f"{cause.name}: {inbox} follows, but {', '.join(event.name for event in followers) or 'nothing'} does"


def each_event_follows_its_cause(dossier: Dossier) -> Iterator[str]:
    """Only OrderPlaced has no cause; every other event has one of its order, and was made after its consumption."""
    known = {event.event_id: event for event in dossier.events}
    noted = {consumed.event_id: consumed.at for consumed in dossier.consumed}
    for event in dossier.events:
        cause = known.get(event.causation_id or "")
        if event.causation_id is None:
            if event.type != PLACED:
                yield f"{event.name} has no cause"
        elif cause is None:
            yield f"{event.name} has a cause that its order does not have"
        elif cause.at >= event.at:
            yield f"{event.name} has a cause that did not come before it"
        elif event.type != TIMED_OUT and noted.get(cause.event_id, event.at) > event.at:
            yield f"{event.name} was made before its cause was consumed"
        if noted.get(event.event_id, event.at) < event.at:
            yield f"{event.name} was consumed before it was made"


def no_event_reports_what_was_refused(dossier: Dossier) -> Iterator[str]:
    """An event of a do reports an effect that happened, and does not come after the event of its undo."""
    statuses = {receipt.key: receipt.status for receipt in dossier.receipts}
    for event in dossier.events:
        if event.type not in EFFECTS:
            continue
        undo, step, happened = EFFECTS[event.type]
        status = statuses.get(f"{dossier.order_id}:{step}")
        if status not in happened:
            yield f"{event.name} was published, but the receipt of {step} is {status or 'missing'}"
        if any(other.type == undo and other.at < event.at for other in dossier.events):
            yield f"{event.name} came after {undo}"


def the_trace_has_each_event(dossier: Dossier) -> Iterator[str]:
    """The orders' trace has each published event as its publisher committed it, and no other one."""
    committed = {event.event_id: event for event in dossier.events}
    traced = {row.event_id: row for row in dossier.traced}
    for event_id, event in committed.items():
        row = traced.get(event_id)
        if row is None:
            if event.published_at is not None:
                yield f"{event.name} left no trace"
        elif (row.publisher, row.type, row.causation_id, row.redrives) != (
            event.publisher,
            event.type,
            event.causation_id,
            event.redrives,
        ):
            yield f"{event.name} of {event.publisher} has another trace: {row}"
    for event_id in traced.keys() - committed.keys():
        yield f"the trace has {traced[event_id].type} ({event_id}), which no service committed"


def only_choreographed_orders_append_events(dossier: Dossier) -> Iterator[str]:
    """Only a choreographed order appends events: first one OrderPlaced, each by the service of its type."""
    first = min(dossier.events, key=lambda event: event.at, default=None)
    placed = sum(event.type == PLACED for event in dossier.events)
    if first and dossier.style not in {"choreographed", ""}:
        yield f"the order is {dossier.style}, but appended {first.name}"
    elif dossier.style == "choreographed" and (first is None or first.type != PLACED or placed != 1):
        yield f"the order is choreographed, and begins with {first.type if first else 'nothing'}, {placed} × {PLACED}"
    for event in dossier.events:
        if event.publisher != PUBLISHERS.get(event.type):
            yield f"{event.publisher} appended {event.name}, an event of {PUBLISHERS.get(event.type, 'nobody')}"
