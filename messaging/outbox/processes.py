"""The watcher's side of the outbox: processes without progress."""

from dataclasses import dataclass
from datetime import datetime

from messaging.outbox import statements
from messaging.outbox.outbox import PATIENCE_SECONDS
from postgres.database import Database


@dataclass(frozen=True)
class OverdueProcess:
    """A locked process that has had no event for too long, or is past its own deadline."""

    past_deadline: bool
    undoing: bool


@dataclass(frozen=True)
class SilentProcess:
    """A process whose event was not published, or was published and nothing followed it, since a time."""

    process_id: str
    event: str
    since: datetime
    published: bool


class OutboxProcesses:
    """Finds processes without progress."""

    def __init__(self, db: Database, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._db, self._patience = db, patience_seconds

    async def overdue(self, limit: int = 50) -> list[str]:
        """Return the ids of up to `limit` overdue processes that no dead letter blocks."""
        return [process_id for (process_id,) in await self._db.rows(statements.limited(statements.OVERDUE, limit))]

    async def lock_overdue(self, unit: Database, process_id: str) -> OverdueProcess | None:
        """Lock an overdue process for the transaction; return None when it is no longer overdue."""
        row = await unit.row(statements.STILL_OVERDUE, {"process_id": process_id})
        return OverdueProcess(*row) if row else None

    async def unpublished(self, process_id: str) -> bool:
        """Return whether an event of the process waits for a relay."""
        return await self._db.row(statements.UNPUBLISHED, {"process_id": process_id}) is not None

    async def silent(self, seconds: float, limit: int) -> list[SilentProcess]:
        """Return up to `limit` processes that no dead letter blocks and nothing moves on for `seconds`."""
        rows = await self._db.rows(statements.SILENT, {"seconds": seconds, "limit": limit})
        return [SilentProcess(*row) for row in rows]

    async def postpone(self, db: Database, process_id: str) -> None:
        """Make the process overdue only after another period of patience."""
        await db.rows(statements.PATIENT, {"process_id": process_id, "patience": self._patience})
