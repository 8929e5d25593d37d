"""The writers' side of the transactional outbox: an event is committed together with the effect that it reports.

The pattern is Transactional Outbox of microservices.io; the inbox is its Idempotent Consumer.
"""

from uuid import uuid4

from messaging.outbox import statements
from messaging.outbox.statements import of_schema
from models.choreography import GOING_BACK, SCHEMA_VERSION, DomainEvent, EventData, EventType
from models.participants import Owner
from postgres.database import Database

_GOING_BACK = sorted(GOING_BACK)


class Outbox:
    """The outbox and the inbox of a service, in its schema; `unit` is the transaction of the effect."""

    def __init__(self, service: Owner) -> None:
        self.service: Owner = service
        self._append = of_schema(statements.APPEND, service)
        self._consumed = of_schema(statements.CONSUMED, service)
        self._consume = of_schema(statements.CONSUME, service)
        self._superseded = of_schema(statements.SUPERSEDED, service)

    async def append(
        self,
        unit: Database,
        of_type: EventType,
        data: EventData,
        *,
        cause: str | None = None,
        correlation_id: str | None = None,
    ) -> DomainEvent:
        """Append an event to the process of `data.order`, and return it; `cause` is the id of the event before it."""
        process_id, event_id = data.order.order_id, uuid4().hex
        known = {
            "event_id": event_id,
            "process_id": process_id,
            "type": of_type.value,
            "version": SCHEMA_VERSION,
            "correlation_id": correlation_id or process_id,
            "causation_id": cause,
        }
        row = await unit.row(self._append, {**known, "payload": data.model_dump_json()})
        if row is None:
            raise LookupError(f"{event_id}: an insert returned no row")
        return DomainEvent.model_validate({**known, "payload": data.model_dump(mode="json"), "at": row[0]})

    async def consumed(self, db: Database, event_id: str) -> tuple[bool, str | None]:
        """Return whether the service has processed an event, and the type of the event that followed."""
        row = await db.row(self._consumed, {"event_id": event_id})
        return (True, row[0]) if row else (False, None)

    async def consume(self, unit: Database, event: DomainEvent, follows: EventType | None) -> bool:
        """Record, in the effect's transaction, that the service processed an event; return False on a repetition."""
        params = {
            "event_id": event.event_id,
            "process_id": event.process_id,
            "type": event.type,
            "follows": follows.value if follows else None,
        }
        return await unit.row(self._consume, params) is not None

    async def superseded(self, db: Database, process_id: str) -> bool:
        """Return whether the service has processed an event that takes a process back."""
        params = {"process_id": process_id, "going_back": _GOING_BACK}
        return await db.row(self._superseded, params) is not None
