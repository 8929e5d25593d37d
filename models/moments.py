"""Times for people: one format everywhere."""

from datetime import datetime


def moment(at: datetime) -> str:
    """Return a time in the local time zone with its offset from UTC, such as 2026-11-26 14:13:48+01:00."""
    return at.astimezone().isoformat(" ", "seconds")
