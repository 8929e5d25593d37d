"""The processes of the outbox, as a watcher sees them: those in which nothing has happened for too long."""

from dataclasses import dataclass

from messaging.outbox import statements
from messaging.outbox.outbox import PATIENCE_SECONDS
from postgres.database import Database


@dataclass(frozen=True)
class OverdueProcess:
    """A locked process in which nothing has happened for too long, or that ran out of its own time."""

    past_deadline: bool
    undoing: bool


class OutboxProcesses:
    """Finds processes without progress."""

    def __init__(self, db: Database, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._db, self._patience = db, patience_seconds

    async def overdue(self, limit: int = 50) -> list[str]:
        """Return processes in which nothing has happened for too long and that no dead letter holds up."""
        return [process_id for (process_id,) in await self._db.rows(statements.OVERDUE, {"limit": limit})]

    async def lock_overdue(self, unit: Database, process_id: str) -> OverdueProcess | None:
        """Hold an overdue process for the transaction; None when it has moved on meanwhile."""
        row = await unit.row(statements.STILL_OVERDUE, {"process_id": process_id})
        return OverdueProcess(*row) if row else None

    async def unpublished(self, process_id: str) -> bool:
        """Tell whether an event of the process waits for a relay."""
        return await self._db.row(statements.UNPUBLISHED, {"process_id": process_id}) is not None

    async def postpone(self, db: Database, process_id: str) -> None:
        """Look at the process again only after another while."""
        await db.rows(statements.PATIENT, {"process_id": process_id, "patience": self._patience})
