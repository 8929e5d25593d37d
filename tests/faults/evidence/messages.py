"""Records of messages at the end of a run: events in outboxes and in the trace, alerts and dead letters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventRow:
    """An event in the outbox of its publisher."""

    event_id: str
    order_id: str
    publisher: str
    type: str
    causation_id: str | None
    redrives: int
    at: float
    published_at: float | None

    @property
    def name(self) -> str:
        """The event's type and id, as findings name it: an order may have two events of one type."""
        return f"{self.type} ({self.event_id})"


@dataclass(frozen=True)
class Consumed:
    """A consumer's inbox entry for an event that it has processed; `follows`: the type of the event that followed."""

    consumer: str
    event_id: str
    order_id: str
    type: str
    follows: str | None
    at: float


@dataclass(frozen=True)
class TracedRow:
    """An event in the trace of the orders."""

    event_id: str
    order_id: str
    publisher: str
    type: str
    causation_id: str | None
    redrives: int


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
