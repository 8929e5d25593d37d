"""The trace of a choreographed order: what the orders know of the events of all services."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from models.base import Message
from models.choreography import DomainEvent, total_of
from models.money import Money
from models.participants import Owner


class TracedEvent(Message):
    """A published event without the order's data; `sequence` counts the events of its process by cause, then by time.

    `problem` says why the relay of its service could not publish it.
    """

    event_id: str
    process_id: str
    publisher: Owner
    type: str
    correlation_id: str
    causation_id: str | None
    redrives: int
    at: datetime
    total: Money | None = None
    tracking: str | None = None
    reason: str = ""
    problem: str | None = None
    sequence: int = 0

    @classmethod
    def of(cls, event: DomainEvent, publisher: Owner, problem: str | None = None) -> Self:
        """Return the trace of an event; what can't be read of its payload is left out."""
        known: dict[str, Any] = event.model_dump(exclude={"version", "payload"})
        given = {name: event.payload.get(name) for name in ("tracking", "reason")}
        known |= {name: text for name, text in given.items() if isinstance(text, str)}
        return cls(**known, publisher=publisher, total=total_of(event), problem=problem)


def by_cause(events: Iterable[TracedEvent]) -> list[TracedEvent]:
    """Return the events of a process numbered in an order in which each comes after its cause.

    The clocks of several databases differ, so the time decides only between events that could be in any order.
    """
    waiting = sorted(events, key=lambda event: event.at)
    ids, numbered = {event.event_id for event in waiting}, list[TracedEvent]()
    placed: set[str] = set()
    while waiting:
        ready = next(
            (each for each in waiting if each.causation_id not in ids or each.causation_id in placed), waiting[0]
        )
        waiting.remove(ready)
        placed.add(ready.event_id)
        numbered.append(ready.model_copy(update={"sequence": len(numbered) + 1}))
    return numbered
