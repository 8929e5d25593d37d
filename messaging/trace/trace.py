"""The trace of choreographed orders: what their events are, and which of them have not moved on in time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messaging.trace import statements
from models.choreography import LAST, DomainEvent, EventType
from models.errors import AlreadyUndone
from models.participants import Owner
from models.trace import TracedEvent, by_cause
from postgres.database import Database

# The watcher examines a process that has had no new event for this long.
PATIENCE_SECONDS = 60.0
_OWN: Owner = "orders"


@dataclass(frozen=True)
class SilentProcess:
    """A process that nothing has moved on since a time."""

    process_id: str
    since: datetime


class Trace:
    """Keeps the events and deadlines of processes; a `unit` is the transaction of what the orders decide."""

    def __init__(self, db: Database, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._db, self._patience = db, patience_seconds

    async def begin(self, unit: Database, process_id: str, deadline_seconds: float | None) -> bool:
        """Open a process with an optional deadline in seconds; return False when the process exists already."""
        params = {"process_id": process_id, "patience": self._patience, "deadline": deadline_seconds}
        return await unit.row(statements.BEGIN, params) is not None

    async def note(self, unit: Database, event: DomainEvent) -> None:
        """Record an event of the orders in the transaction that appends it."""
        await self._record(unit, [TracedEvent.of(event, _OWN)])

    async def advance(self, unit: Database, event: DomainEvent) -> None:
        """Record an event of the orders that ends a process or takes it back, in the transaction that appends it.

        Raises AlreadyUndone when the process has ended; the caller must let it roll back the unit of work.
        """
        params = {
            "process_id": event.process_id,
            "patience": self._patience,
            "times_out": event.type == EventType.ORDER_TIMED_OUT,
            "ends": event.type in LAST,
        }
        if await unit.row(statements.ADVANCE, params) is None:
            raise AlreadyUndone(f"{event.process_id}: has ended and takes no {event.type}")
        await self.note(unit, event)

    async def record(self, events: Sequence[TracedEvent]) -> None:
        """Record events that a relay has published or set aside; a repeated call has no effect."""
        await self._record(self._db, events)

    async def _record(self, db: Database, events: Sequence[TracedEvent]) -> None:
        rows = json.dumps([event.model_dump(mode="json", exclude={"sequence"}) for event in events])
        await db.rows(statements.RECORD, {"events": rows, "patience": self._patience})

    async def events(self, process_id: str, unit: Database | None = None) -> list[TracedEvent]:
        """Return the events of a process, each behind its cause."""
        rows = await (unit or self._db).rows(statements.OF_PROCESS, {"process_id": process_id})
        return by_cause(TracedEvent.model_validate_json(text) for (text,) in rows)

    async def event(self, event_id: str) -> TracedEvent | None:
        """Return an event, None when it left no trace."""
        row = await self._db.row(statements.EVENT, {"event_id": event_id})
        return TracedEvent.model_validate_json(row[0]) if row else None

    async def redriven(self, event_id: str, redrives: int) -> None:
        """Record that an event is published again."""
        await self._db.rows(statements.REDRIVEN, {"event_id": event_id, "redrives": redrives})

    async def ended(self, db: Database, process_id: str) -> bool:
        """Return whether a process has ended."""
        return await db.row(statements.ENDED, {"process_id": process_id}) is not None

    async def overdue(self, limit: int = 50) -> list[str]:
        """Return the ids of up to `limit` overdue processes that no dead letter blocks."""
        return [process_id for (process_id,) in await self._db.rows(statements.limited(statements.OVERDUE, limit))]

    async def lock_overdue(self, unit: Database, process_id: str) -> bool | None:
        """Lock an overdue process for the transaction; return whether it is past its own deadline.

        Returns None when it is no longer overdue.
        """
        row = await unit.row(statements.STILL_OVERDUE, {"process_id": process_id})
        return bool(row[0]) if row else None

    async def postpone(self, process_id: str, unit: Database | None = None) -> None:
        """Make the process overdue only after another period of patience."""
        params = {"process_id": process_id, "patience": self._patience}
        await (unit or self._db).rows(statements.PATIENT, params)

    async def silent(self, seconds: float, limit: int) -> list[SilentProcess]:
        """Return up to `limit` processes that no dead letter blocks and nothing moves on for `seconds`."""
        rows = await self._db.rows(statements.SILENT, {"seconds": seconds, "limit": limit})
        return [SilentProcess(*row) for row in rows]

    async def purge(self, older_than_seconds: float, limit: int = 100) -> int:
        """Delete up to `limit` processes that ended this long ago, with their events; return the processes' number."""
        purge = statements.limited(statements.PURGE, limit)
        return len(await self._db.rows(purge, {"seconds": older_than_seconds}))
