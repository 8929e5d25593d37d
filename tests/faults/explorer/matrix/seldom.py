"""Faults that make sense only at a few places, and these places."""

from collections.abc import Mapping

SELDOM: Mapping[str, set[str]] = {
    # Every attempt is late, one after the other.
    "zombies-undone": {"o-reserve-before", "o-charge-before", "o-ship-before"},
    # The worker dies, and a cancel arrives before another worker takes over.
    "kill-cancel": {
        f"o-{step}-{point}"
        for step in ("reserve", "charge", "ship", "express-reserve", "express-charge", "express-ship")
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
    if express and (fault not in EXPRESS or place.endswith("answered")):
        return "no server is between the steps of an express order; after its first task it is like any other order"
    return None
