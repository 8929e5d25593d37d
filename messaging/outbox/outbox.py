"""The writers' side of the transactional outbox: an event is committed together with the effect that it reports.

The pattern is Transactional Outbox of microservices.io.
"""

from collections.abc import Mapping
from uuid import uuid4

from messaging.outbox import statements
from models.choreography import LAST, OF_THE_UNDOING, PIVOT, SCHEMA_VERSION, DomainEvent, EventData, EventType, event_of
from models.errors import AlreadyUndone
from postgres.database import Database

# The watcher examines a process that has had no new event for this long.
PATIENCE_SECONDS = 60.0


class Outbox:
    """Appends events and reads them; `unit` is the transaction of the effect."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds

    async def begin(self, unit: Database, process_id: str, deadline_seconds: float | None) -> bool:
        """Open a process with an optional deadline in seconds; return False when the process exists already."""
        params = {"process_id": process_id, "patience": self._patience, "deadline": deadline_seconds}
        return await unit.row(statements.BEGIN, params) is not None

    async def superseded(self, db: Database, process_id: str) -> bool:
        """Return whether a process has ended or is being undone."""
        return await db.row(statements.SUPERSEDED, {"process_id": process_id}) is not None

    async def append(
        self, unit: Database, of_type: EventType, data: EventData, cause: DomainEvent | None = None
    ) -> None:
        """Append an event to the process of `data.order`; raise AlreadyUndone when the process is over or being undone.

        The caller must let AlreadyUndone roll back the unit of work: the effect that the event reports must not happen.
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
            # The parcel that was to be recalled is final.
            "forward": of_type is PIVOT and cause is not None and cause.type == EventType.ORDER_TIMED_OUT,
            "ends": of_type in LAST,
        }
        if await unit.row(statements.APPEND, params) is None:
            raise AlreadyUndone(f"{process_id}: no longer accepts {of_type}")

    async def consumed(self, db: Database, consumer: str, event: DomainEvent) -> bool:
        """Return whether a consumer has processed an event."""
        params = {"event_id": event.event_id, "consumer": consumer}
        return await db.row(statements.CONSUMED, params) is not None

    async def consume(self, unit: Database, consumer: str, event: DomainEvent) -> bool:
        """Record, in the effect's transaction, that a consumer processed an event; return False on a repetition."""
        params = {"event_id": event.event_id, "consumer": consumer}
        return await unit.row(statements.CONSUME, params) is not None

    async def events(self, db: Database, process_id: str) -> list[DomainEvent]:
        """Return the events of a process by sequence; the payload of one that can't be read is empty."""
        rows = await db.rows(statements.OF_PROCESS, {"process_id": process_id})
        return [event_of(text)[0] for (text,) in rows]
