"""Events of all services, restored from their trace and the stored order."""

from collections.abc import Sequence

from messaging.trace.trace import Trace
from models.choreography import SCHEMA_VERSION, DomainEvent, EventData, StoredEvent
from models.trace import TracedEvent
from services.orders.orders import Orders


class Restored:
    """Reads events in the database of the orders, while the service that published them is away."""

    def __init__(self, trace: Trace, orders: Orders) -> None:
        self._trace, self._orders = trace, orders

    async def find(self, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Return those of the events that left a trace; raise NotFound, InvalidInput, Unavailable."""
        traced = [await self._trace.event(event_id) for event_id in event_ids]
        return [await self._restored(event) for event in traced if event]

    async def _restored(self, event: TracedEvent) -> StoredEvent:
        order, total = await self._orders.stored(event.process_id)
        data = EventData(order=order, total=total, tracking=event.tracking, reason=event.reason)
        known = event.model_dump(include=set(DomainEvent.model_fields))
        restored = DomainEvent(**known, version=SCHEMA_VERSION, payload=data.model_dump(mode="json"))
        return StoredEvent(event=restored, published=event.problem is None, problem=event.problem)
