"""What the orders record of events and deliveries: the trace, and the dead letters."""

from collections.abc import Sequence

from choreography.events import Events
from messaging.trace.trace import Trace
from messaging.trace.undelivered import RELAY, Undelivered
from models.choreography import DomainEvent
from models.errors import Unavailable
from models.trace import TracedEvent


class Recorder:
    """Records events that were published or set aside, and deliveries that ended without a dead letter."""

    def __init__(self, trace: Trace, undelivered: Undelivered, events: Events) -> None:
        self._trace, self._undelivered, self._events = trace, undelivered, events

    async def record(self, events: Sequence[TracedEvent]) -> None:
        """Add events to the trace; one that can't be published becomes a dead letter. Raises Unavailable."""
        await self._trace.record(events)
        for event in events:
            if event.problem:
                error, _, cause = event.problem.partition(": ")
                await self.failed(event, RELAY, error, cause, attempts=1)

    async def failed(self, event: TracedEvent, subscriber: str, error: str, cause: str, attempts: int) -> None:
        """Record a dead letter with the event as its service stored it, or as it was traced if that can't be read."""
        await self._undelivered.record(event, subscriber, error, cause, attempts, await self._original(event))

    async def _original(self, event: TracedEvent) -> DomainEvent | None:
        try:
            stored = await self._events.read(event.publisher, event.event_id)
        except Unavailable:
            return None
        return stored.event if stored else None
