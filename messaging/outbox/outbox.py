"""The transactional outbox, as its writers see it: an event is committed with the effect that it tells of."""

from collections.abc import Mapping
from uuid import uuid4

from messaging.outbox import statements
from models.choreography import LAST, OF_THE_UNDOING, SCHEMA_VERSION, DomainEvent, EventData, EventType
from models.errors import AlreadyUndone
from postgres.database import Database

# Without a new event for this long, somebody looks at what became of the last one.
PATIENCE_SECONDS = 60.0


class Outbox:
    """Appends events and reads them back; `unit` is the transaction of the effect."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds

    async def begin(self, unit: Database, process_id: str, deadline_seconds: float | None) -> bool:
        """Open a process, which may be given seconds to end; False when it is open or was."""
        params = {"process_id": process_id, "patience": self._patience, "deadline": deadline_seconds}
        return await unit.row(statements.BEGIN, params) is not None

    async def superseded(self, db: Database, process_id: str) -> bool:
        """Tell whether a process ended or is being undone."""
        return await db.row(statements.SUPERSEDED, {"process_id": process_id}) is not None

    async def append(
        self, unit: Database, of_type: EventType, data: EventData, cause: DomainEvent | None = None
    ) -> None:
        """Write an event of the process of `data.order`; raise AlreadyUndone when the process takes it no more.

        The caller must let AlreadyUndone end the unit of work: what the event tells of must not happen either.
        """
        process_id = data.order.order_id
        params: Mapping[str, object] = {
            "event_id": uuid4().hex,
            "process_id": process_id,
            "type": of_type.value,
            "version": SCHEMA_VERSION,
            "payload": data.model_dump_json(),
            "correlation_id": cause.correlation_id if cause else process_id,
            "causation_id": cause.event_id if cause else None,
            "patience": self._patience,
            "undoes": of_type is EventType.ORDER_TIMED_OUT,
            "backward": of_type in OF_THE_UNDOING,
            "ends": of_type in LAST,
        }
        if await unit.row(statements.APPEND, params) is None:
            raise AlreadyUndone(f"{process_id}: takes no {of_type} any more")

    async def consumed(self, db: Database, consumer: str, event: DomainEvent) -> bool:
        """Tell whether a consumer is done with an event."""
        params = {"event_id": event.event_id, "consumer": consumer}
        return await db.row(statements.CONSUMED, params) is not None

    async def consume(self, unit: Database, consumer: str, event: DomainEvent) -> bool:
        """Note, in the transaction of the effect, that a consumer is done with an event; False if it was noted."""
        params = {"event_id": event.event_id, "consumer": consumer}
        return await unit.row(statements.CONSUME, params) is not None

    async def events(self, db: Database, process_id: str) -> list[DomainEvent]:
        """Return the events of a process, in their order."""
        rows = await db.rows(statements.OF_PROCESS, {"process_id": process_id})
        return [DomainEvent.model_validate_json(text) for (text,) in rows]
