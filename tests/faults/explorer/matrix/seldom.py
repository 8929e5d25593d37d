"""Faults that make sense at a few places only, and where these are."""

from collections.abc import Mapping

SELDOM: Mapping[str, set[str]] = {
    # Every attempt comes late, one after the other.
    "zombies-undone": {"o-reserve-before", "o-charge-before", "o-ship-before"},
    # The worker dies, and a cancel comes before another one takes over.
    "kill-cancel": {
        f"o-{step}-{point}"
        for step in ("reserve", "charge", "ship", "express-reserve", "express-charge", "express-ship")
        for point in ("before", "called", "sent", "done")
    },
    # The same key comes again with another request.
    "reused": {"o-reserve-done", "o-charge-done", "o-ship-done", "o-expect_transfer-done"},
    # Another order wants the same articles at the same moment.
    "rival": {"o-reserve-sent", "o-release-sent"},
    # The same do comes again at the moment of its undo.
    "crossed": {"o-release-before"},
    # An event of another order is published while this one's is written and not committed.
    "overtaken": {"c-reserve-sent", "c-charge-sent", "c-ship-sent"},
    # When all is over it is placed again, and then another order under its id.
    "again": {"o-complete-answered", "o-close-answered", "c-complete-answered", "c-fail-answered"},
}
# What may happen to an attempt inside of the order's only workflow task, and to the task with it.
EXPRESS = frozenset(
    {"refuse", "error", "hang", "lost-commit", "duplicate", "zombie", "zombie-undone", "kill", "stop", "kill-cancel"}
)
EXPRESS |= {"cancel", "cancel-update"}


def elsewhere(place: str, fault: str, *, express: bool) -> str | None:
    """Return why a fault makes no sense at a place, or None."""
    if fault in SELDOM and place not in SELDOM[fault]:
        return "it shows nothing there that it doesn't show elsewhere"
    if express and (fault not in EXPRESS or place.endswith("answered")):
        return (
            "an express order has no server between its steps, and is like any other where it has left its first task"
        )
    return None
