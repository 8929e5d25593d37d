"""The dead letter channel: stores undeliverable messages until an operator redrives or discards them.

The pattern is Dead Letter Channel of Hohpe and Woolf, Enterprise Integration Patterns.
"""

from collections.abc import Iterable

from psycopg.rows import TupleRow

from messaging.dead_letters import statements as sql
from messaging.dead_letters.fingerprints import fingerprint_of
from models.dead_letters import DeadLetter, LetterAudit, LetterGroup, LetterStatus, Undeliverable
from models.errors import Conflict, InvalidInput, NotFound, Unavailable
from postgres.database import Database
from postgres.pipeline import Connection

# Reasons in the audit trail.
PROCESSED, HANDED_OVER = "processed", "handed over, not processed yet"


class DeadLetters:
    """Records, finds and closes dead letters. Every change is audited in the same statement."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, dead: Undeliverable, connection: Connection | None = None) -> int:
        """Record an undeliverable message and return the id of its letter, new or existing; raise Unavailable.

        With `connection`, the statement runs in the caller's transaction, together with the acknowledgement.
        """
        ids = (dead.message_id, dead.process_id, dead.correlation_id)
        params = dead.model_dump() | {"fingerprint": fingerprint_of(dead.channel, dead.error_type, dead.cause, *ids)}
        row = await self._db.row(sql.RECORD, params, connection) or await self._db.row(sql.ALIVE, params, connection)
        if row is None:
            raise Unavailable(f"{dead.channel}: {dead.message_id} was redriven while it was being recorded")
        return int(row[0])

    async def is_blocked(
        self, process_id: str, channel: str | None = None, connection: Connection | None = None
    ) -> bool:
        """Return whether a dead letter blocks the messages of a process; `channel` None means any channel."""
        row = await self._db.row(sql.BLOCKED, {"process_id": process_id, "channel": channel}, connection)
        return row is not None

    async def blocked(self, process_ids: Iterable[str]) -> set[str]:
        """Return those of the processes that a dead letter blocks."""
        rows = await self._db.rows(sql.BLOCKED_AMONG, {"process_ids": list(process_ids)})
        return {process_id for (process_id,) in rows}

    async def of_process(self, process_id: str, channel: str) -> list[DeadLetter]:
        """Return the open letters of a process in one channel, oldest first."""
        rows = await self._db.rows(sql.OF_PROCESS, {"process_id": process_id, "channel": channel})
        return [_letter(row) for row in rows]

    async def groups(self) -> list[LetterGroup]:
        """Return the open letters grouped by fingerprint, the largest group first."""
        return [
            LetterGroup(
                fingerprint=mark, channel=channel, error_type=kind, cause=cause, count=n, oldest=oldest, processes=each
            )
            for mark, channel, kind, cause, n, oldest, each in await self._db.rows(sql.GROUPS)
        ]

    async def open(self, fingerprint: str | None = None, limit: int = 1000, after: int = 0) -> list[DeadLetter]:
        """Return up to `limit` open letters, oldest first, behind the letter `after`; `fingerprint` None means all."""
        params = {"fingerprint": fingerprint, "limit": limit, "after": after}
        return [_letter(row) for row in await self._db.rows(sql.OPEN, params)]

    async def read(self, letter_id: int) -> DeadLetter:
        """Return one letter; raise NotFound."""
        row = await self._db.row(sql.READ, {"letter_id": letter_id})
        if row is None:
            raise NotFound(f"there is no dead letter {letter_id}")
        return _letter(row)

    async def audit(self, letter_id: int) -> list[LetterAudit]:
        """Return the audit entries of a letter, oldest first."""
        rows = await self._db.rows(sql.AUDIT, {"letter_id": letter_id})
        return [LetterAudit(at=at, action=action, actor=actor, reason=reason) for at, action, actor, reason in rows]

    async def take(self, letter_id: int, actor: str, reason: str) -> DeadLetter:
        """Hold a letter for a redrive and return it; raise NotFound, or Conflict when it is held, closed or blocked."""
        taken = await self._db.row(sql.TAKE, {"letter_id": letter_id, "actor": actor, "reason": reason})
        letter = await self.read(letter_id)
        if taken is None:
            behind = "is behind an older letter of its process; redrive that one first"
            raise Conflict(f"{letter_id}: {behind if letter.status is LetterStatus.OPEN else _already(letter)}")
        return letter

    async def redriven(self, letter_id: int, actor: str, reason: str = PROCESSED) -> bool:
        """Close a letter whose message was processed or handed over; return False when it failed again meanwhile."""
        ended = {"letter_id": letter_id, "from": "redriving", "to": "redriven", "actor": actor, "reason": reason}
        return await self._db.row(sql.END, ended) is not None

    async def discard(self, letter_id: int, actor: str, reason: str) -> None:
        """Discard a message permanently; raise InvalidInput without a reason, NotFound, Conflict when it isn't open."""
        if not reason.strip():
            raise InvalidInput("--reason", "must state why the message may be lost")
        params = {"letter_id": letter_id, "from": "open", "to": "discarded", "actor": actor, "reason": reason}
        if await self._db.row(sql.END, params) is None:
            raise Conflict(f"{letter_id}: {_already(await self.read(letter_id))}")


def _already(letter: DeadLetter) -> str:
    return f"is already {letter.status}"


def _letter(row: TupleRow) -> DeadLetter:
    names = [name.strip() for name in sql.COLUMNS.split(",")]
    fields = dict(zip(names, row, strict=True))
    return DeadLetter(**fields | {"status": LetterStatus(fields["status"]), "original": bytes(fields["original"])})
