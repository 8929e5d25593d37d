"""Records of messages at the end of a run: outbox events, alerts and dead letters."""

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
    """A consumer's inbox entry for an event that it has processed."""

    consumer: str
    event_id: str
    at: float


@dataclass(frozen=True)
class RecordedAlert:
    """An alert to the operators."""

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
    """One audit entry of a dead letter."""

    action: str
    actor: str
    reason: str


@dataclass(frozen=True)
class Letter:
    """A dead letter of the channel `recovery`, `alerts` or `deliveries`; `letter_id` is its number."""

    channel: str
    message_id: str
    order_id: str
    status: str
    cause: str
    attempts: int
    at: float
    audit: tuple[Audit, ...] = ()
    original: bool = True
    letter_id: int = 0
