"""Faults that make sense only at a few places, and these places."""

from collections.abc import Mapping

from tests.faults.explorer.matrix.faults import MOMENTS, SETTLED

_SETTLEMENTS = tuple(f"express-settle_{effect}" for effect in ("shipment", "payment", "stock"))
_RECALLS = {
    f"o-{step}-{point}"
    for step in ("cancel_shipment", "recall-cancelled", "recall-recovered", "recall-express", "recall-updated")
    for point in ("before", "fenced", "called", "sent", "done")
}
_RECALLS |= {f"c-recall-{point}" for point in ("before", "fenced", "called")}
_HELD = {f"o-{step}-before" for step in ("cancel_shipment", "settle_shipment", "settle_payment", "settle_stock")}
SELDOM: Mapping[str, set[str]] = {
    # Every attempt is late, one after the other.
    "zombies-undone": {"o-reserve-before", "o-charge-before", "o-ship-before"},
    # The worker dies, and a cancel arrives before another worker takes over.
    "kill-cancel": {
        f"o-{step}-{point}"
        for step in ("reserve", "charge", "ship", "express-reserve", "express-charge", "express-ship", *_SETTLEMENTS)
        for point in ("before", "called", "sent", "done")
    },
    # The same key arrives again with a different request.
    "reused": {"o-reserve-done", "o-charge-done", "o-ship-done", "o-expect_transfer-done"},
    # Another order requests the same articles at the same moment.
    "rival": {"o-reserve-sent", "o-release-sent"},
    # The same do is repeated at the moment of its undo.
    "crossed": {"o-release-before"},
    # An event of another order is published while this order's event is written and not committed.
    "overtaken": {"c-reserve-sent", "c-charge-sent", "c-ship-sent"},
    # The worker keeps connections to a server that has become read-only.
    "failover": {"o-charge-before", "o-ship-before", "o-refund-before"},
    # The first undo of a way back, beside a run that has passed the pivot; it is tried for minutes if it has no answer.
    "settled": _RECALLS,
    **{fault: {place for place in _RECALLS if place.endswith("before")} for fault in ("settled-paid", "settled-error")},
    "settled-hangs": {"o-cancel_shipment-before", "o-recall-recovered-before", "o-recall-express-fenced"},
    # An attempt of a terminated workflow continues during the recovery.
    **dict.fromkeys(MOMENTS, _HELD),
    # After its end the order is placed again, and then a different order under its id.
    "again": {"o-complete-answered", "o-close-answered", "c-complete-answered", "c-fail-answered"},
}
# Faults of an attempt inside of the order's only workflow task, and of that task.
EXPRESS = frozenset(
    {"refuse", "error", "hang", "lost-commit", "duplicate", "zombie", "zombie-undone", "kill", "stop", "kill-cancel"}
)
EXPRESS |= {"cancel", "cancel-update"}


def elsewhere(place: str, fault: str, *, express: bool) -> str | None:
    """Return the reason to exclude a fault at a place, or None."""
    if fault in SELDOM and place not in SELDOM[fault]:
        return "the fault shows nothing new at this place"
    if place.startswith("o-recall-"):
        here = fault in SETTLED or (fault == "hangs" and place.endswith("before"))
        return None if here else "the recall itself is explored as cancel_shipment"
    if express and (fault not in EXPRESS or place.endswith("answered")):
        return "no server is between the steps of an express order; after its first task it is like any other order"
    return None
