"""Bad histories of the outbox: I9."""

from tests.faults.evidence.messages import Consumed, EventRow
from tests.faults.spoilt.histories import Bad, added, all_of, changed, doubled, dropped

LATE = 9000.0

BAD = [
    Bad(
        "an event was committed and never published",
        "I9",
        changed("events", {"event_id": "c-done 7"}, published_at=None),
    ),
    Bad("a published event was never consumed", "I9", dropped("consumed", event_id="c-done 3")),
    Bad("an order's timeout was never consumed", "I9", dropped("consumed", event_id="c-timed-out 4")),
    Bad("a consumer has an event that was rolled back", "I9", added("consumed", Consumed("payments", "c-never", LATE))),
    Bad(
        "a consumer has another consumer's event",
        "I9",
        doubled("consumed", {"event_id": "c-done 3"}, consumer="orders"),
    ),
    Bad("a consumer has a last event", "I9", doubled("consumed", {"event_id": "c-done 6"}, event_id="c-done 7")),
    Bad("a consumer recorded an event twice", "I9", doubled("consumed", {"event_id": "c-done 3"})),
    Bad(
        "an event was applied twice",
        "I9",
        all_of(
            doubled("events", {"event_id": "c-done 4"}, event_id="c-done 8", sequence=8, published_at=LATE),
            added("consumed", Consumed("payments", "c-done 8", LATE)),
        ),
    ),
    Bad(
        "a refusal followed from an acceptance",
        "I9",
        changed("events", {"event_id": "c-done 4"}, type="ShipmentRefused"),
    ),
    Bad(
        "stock was released before the money went back",
        "I9",
        all_of(
            changed("events", {"event_id": "c-refused 5"}, type="StockReleased"),
            changed("events", {"event_id": "c-refused 6"}, type="PaymentRefunded"),
        ),
    ),
    Bad(
        "stock was sold before the money was earned",
        "I9",
        all_of(
            changed("events", {"event_id": "c-done 5"}, type="StockSettled"),
            changed("events", {"event_id": "c-done 6"}, type="PaymentSettled"),
        ),
    ),
    Bad("the events of an order have a gap", "I9", changed("events", {"event_id": "c-done 7"}, sequence=9)),
    Bad("an event has no cause", "I9", changed("events", {"event_id": "c-done 4"}, causation_id=None)),
    Bad("an event came before its cause", "I9", changed("events", {"event_id": "c-done 2"}, causation_id="c-done 4")),
    Bad("an event overtook the one before it", "I9", changed("events", {"event_id": "c-done 3"}, published_at=LATE)),
    Bad("an event came before its cause was consumed", "I9", changed("consumed", {"event_id": "c-done 3"}, at=LATE)),
    Bad(
        "an orchestrated order appended an event",
        "I9",
        added("events", EventRow("o-done 1", "o-done", 1, "OrderFailed", None, 0, LATE, LATE)),
    ),
    Bad(
        "a choreographed order began in the middle",
        "I9",
        all_of(dropped("events", event_id="c-sold-out 1"), dropped("consumed", event_id="c-sold-out 1")),
    ),
]
