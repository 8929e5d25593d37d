"""Bad histories of the outboxes and the trace: I9."""

from tests.faults.evidence.messages import Consumed, EventRow, TracedRow
from tests.faults.spoilt.histories import Bad, Change, added, all_of, changed, doubled, dropped

LATE = 9000.0


def _typed(event_id: str, of_type: str, publisher: str | None = None) -> Change:
    """Change an event's type wherever it is written: by its publisher, in the trace and in its cause's inbox."""
    order, _, number = event_id.rpartition(" ")
    fields = {"type": of_type} | ({"publisher": publisher} if publisher else {})
    return all_of(
        changed("events", {"event_id": event_id}, **fields),
        changed("traced", {"event_id": event_id}, **fields),
        changed("consumed", {"event_id": f"{order} {int(number) - 1}"}, follows=of_type),
    )


BAD = [
    Bad(
        "an event was committed and never published",
        "I9",
        changed("events", {"event_id": "c-done 7"}, published_at=None),
    ),
    Bad("a last event of a trace is missing", "I9", dropped("traced", event_id="c-done 7")),
    Bad(
        "the trace has an event of nobody",
        "I9",
        added("traced", TracedRow("c-never", "c-done", "payments", "PaymentSettled", "c-done 4", 0)),
    ),
    Bad("the trace has another cause", "I9", changed("traced", {"event_id": "c-done 4"}, causation_id="c-done 1")),
    Bad("a published event was never consumed", "I9", dropped("consumed", event_id="c-late 4")),
    Bad("an effect was not noted in the inbox", "I9", dropped("consumed", event_id="c-done 3")),
    Bad("an order's timeout was never consumed", "I9", dropped("consumed", event_id="c-final 5")),
    Bad(
        "a consumer has an event that was rolled back",
        "I9",
        added("consumed", Consumed("payments", "c-never", "c-done", "ShipmentCreated", None, LATE)),
    ),
    Bad(
        "a consumer took an event for another one",
        "I9",
        changed("consumed", {"event_id": "c-done 3"}, type="OrderTimedOut"),
    ),
    Bad(
        "a consumer has another consumer's event",
        "I9",
        changed("consumed", {"event_id": "c-done 3"}, consumer="payments"),
    ),
    Bad(
        "a consumer has a last event",
        "I9",
        added("consumed", Consumed("orders", "c-done 7", "c-done", "OrderCompleted", None, LATE)),
    ),
    Bad("a consumer recorded an event twice", "I9", doubled("consumed", {"event_id": "c-done 3"})),
    Bad(
        "an event was applied twice",
        "I9",
        all_of(
            doubled("events", {"event_id": "c-done 5"}, event_id="c-done 8", published_at=LATE),
            doubled("traced", {"event_id": "c-done 5"}, event_id="c-done 8"),
            added("consumed", Consumed("inventory", "c-done 8", "c-done", "PaymentSettled", None, LATE)),
        ),
    ),
    Bad(
        "an event was appended that the inbox does not know",
        "I9",
        changed("consumed", {"event_id": "c-done 3"}, follows=None),
    ),
    Bad(
        "an event follows that was not appended",
        "I9",
        changed("consumed", {"event_id": "c-late 4"}, follows="ShipmentCreated"),
    ),
    Bad("a refusal followed from an acceptance", "I9", _typed("c-done 5", "ShipmentRefused", "shipping")),
    Bad(
        "stock was released before the money went back",
        "I9",
        all_of(_typed("c-refused 5", "StockReleased"), _typed("c-refused 6", "PaymentRefunded")),
    ),
    Bad(
        "stock was sold before the money was earned",
        "I9",
        all_of(_typed("c-done 5", "StockSettled"), _typed("c-done 6", "PaymentSettled")),
    ),
    Bad(
        "a service appended another one's event",
        "I9",
        all_of(
            changed("events", {"event_id": "c-done 4"}, publisher="payments"),
            changed("traced", {"event_id": "c-done 4"}, publisher="payments"),
        ),
    ),
    Bad(
        "an event has no cause",
        "I9",
        all_of(
            changed("events", {"event_id": "c-final 5"}, causation_id=None),
            changed("traced", {"event_id": "c-final 5"}, causation_id=None),
        ),
    ),
    Bad(
        "an event came before its cause",
        "I9",
        all_of(
            changed("events", {"event_id": "c-timed-out 5"}, causation_id="c-timed-out 6"),
            changed("traced", {"event_id": "c-timed-out 5"}, causation_id="c-timed-out 6"),
        ),
    ),
    Bad("an event came before its cause was consumed", "I9", changed("consumed", {"event_id": "c-done 3"}, at=LATE)),
    Bad("an event was consumed before it was made", "I9", changed("consumed", {"event_id": "c-late 4"}, at=1.0)),
    Bad(
        "a late charge was published after its refund",
        "I9",
        changed("events", {"event_id": "c-late 4"}, at=LATE, published_at=LATE),
    ),
    Bad(
        "an orchestrated order appended an event",
        "I9",
        all_of(
            added("events", EventRow("o-done 1", "o-done", "orders", "OrderPlaced", None, 0, 1.0, LATE)),
            added("traced", TracedRow("o-done 1", "o-done", "orders", "OrderPlaced", None, 0)),
            added("consumed", Consumed("inventory", "o-done 1", "o-done", "OrderPlaced", None, LATE)),
        ),
    ),
    Bad(
        "a choreographed order began in the middle",
        "I9",
        all_of(dropped("events", event_id="c-sold-out 1"), dropped("consumed", event_id="c-sold-out 1")),
    ),
]
