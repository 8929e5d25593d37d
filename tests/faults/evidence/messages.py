"""What was told, and what could not be: the outbox, alerts and dead letters, as they are at the end of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventRow:
    """An event of the outbox."""

    event_id: str
    order_id: str
    sequence: int
    type: str
    causation_id: str | None
    redrives: int
    at: float
    published_at: float | None


@dataclass(frozen=True)
class Consumed:
    """A consumer's note that it is done with an event."""

    consumer: str
    event_id: str
    at: float


@dataclass(frozen=True)
class RecordedAlert:
    """What operators were told."""

    key: str
    order_id: str
    step: str
    direction: str
    failure: str
    at_risk: int
    raised_at: float
    sent_at: float | None = None
    given_up_at: float | None = None


@dataclass(frozen=True)
class Audit:
    """One line of a letter's audit."""

    action: str
    actor: str
    reason: str


@dataclass(frozen=True)
class Letter:
    """A dead letter: of the channel `recovery`, `alerts` or `deliveries`."""

    channel: str
    message_id: str
    order_id: str
    status: str
    cause: str
    attempts: int
    at: float
    audit: tuple[Audit, ...] = ()
    original: bool = True
