"""The data that the trip's client, workflow and activities exchange."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trip:
    """What is booked: a hotel, and a flight to a city."""

    city: str
    hotel: str


@dataclass(frozen=True)
class Decision:
    """A person's decision on a step whose undo failed: retry, skip (settled by hand, with evidence) or waive."""

    step: str
    verb: str
    actor: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True)
class Ask:
    """A request to book or to cancel one place, under an idempotency key."""

    key: str
    name: str


@dataclass(frozen=True)
class Booked:
    """The booking's number, and the attempt that succeeded."""

    number: str
    attempt: int


@dataclass(frozen=True)
class Ended:
    """The outcome of a trip: completed, compensated, cancelled or failed, and why."""

    trip: str
    outcome: str
    reason: str
