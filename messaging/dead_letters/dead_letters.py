"""The dead letter channel: keeps what could not be delivered or understood until a person redrives or discards it."""

from collections.abc import Iterable

from psycopg.rows import TupleRow

from messaging.dead_letters import statements as sql
from messaging.dead_letters.fingerprints import fingerprint_of
from models.dead_letters import DeadLetter, LetterAudit, LetterGroup, LetterStatus, Undeliverable
from models.errors import Conflict, InvalidInput, NotFound, Unavailable
from postgres.database import Database
from postgres.pipeline import Connection


class DeadLetters:
    """Records, finds and closes dead letters. Every change is audited in the same statement."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, dead: Undeliverable, connection: Connection | None = None) -> int:
        """Return the letter of an undeliverable message, made now or already there; raise Unavailable.

        With `connection`, in the caller's transaction: the message moves there atomically with its acknowledgement.
        """
        ids = (dead.message_id, dead.process_id, dead.correlation_id)
        found = fingerprint_of(dead.channel, dead.error_type, dead.cause, *ids)
        params = dead.model_dump() | {"fingerprint": found}
        row = await self._db.row(sql.RECORD, params, connection) or await self._db.row(sql.ALIVE, params, connection)
        if row is None:
            raise Unavailable(f"{dead.channel}: {dead.message_id} was redriven only while it was recorded")
        return int(row[0])

    async def is_blocked(
        self, process_id: str, channel: str | None = None, connection: Connection | None = None
    ) -> bool:
        """Tell whether messages of a process must wait behind a dead one, of any channel or of this one."""
        row = await self._db.row(sql.BLOCKED, {"process_id": process_id, "channel": channel}, connection)
        return row is not None

    async def blocked(self, process_ids: Iterable[str]) -> set[str]:
        """Return which of these processes wait behind a dead letter."""
        rows = await self._db.rows(sql.BLOCKED_AMONG, {"process_ids": list(process_ids)})
        return {process_id for (process_id,) in rows}

    async def of_process(self, process_id: str, channel: str) -> list[DeadLetter]:
        """Return the open letters of a process in one channel, the oldest first."""
        rows = await self._db.rows(sql.OF_PROCESS, {"process_id": process_id, "channel": channel})
        return [_letter(row) for row in rows]

    async def groups(self) -> list[LetterGroup]:
        """Return the open letters grouped by what they died of, the largest group first."""
        return [
            LetterGroup(
                fingerprint=mark, channel=channel, error_type=kind, cause=cause, count=n, oldest=oldest, processes=each
            )
            for mark, channel, kind, cause, n, oldest, each in await self._db.rows(sql.GROUPS)
        ]

    async def open(self, fingerprint: str | None = None, limit: int = 1000) -> list[DeadLetter]:
        """Return up to `limit` open letters, the oldest first, of one fingerprint or of all."""
        return [_letter(row) for row in await self._db.rows(sql.OPEN, {"fingerprint": fingerprint, "limit": limit})]

    async def read(self, letter_id: int) -> DeadLetter:
        """Return one letter; raise NotFound."""
        row = await self._db.row(sql.READ, {"letter_id": letter_id})
        if row is None:
            raise NotFound(f"there is no dead letter {letter_id}")
        return _letter(row)

    async def audit(self, letter_id: int) -> list[LetterAudit]:
        """Return what happened to a letter, the oldest first."""
        rows = await self._db.rows(sql.AUDIT, {"letter_id": letter_id})
        return [LetterAudit(at=at, action=action, actor=actor, reason=reason) for at, action, actor, reason in rows]

    async def take(self, letter_id: int, actor: str, reason: str) -> DeadLetter:
        """Hold a letter for a redrive; raise NotFound, Conflict when it is held, ended, or behind an older one."""
        taken = await self._db.row(sql.TAKE, {"letter_id": letter_id, "actor": actor, "reason": reason})
        letter = await self.read(letter_id)
        if taken is None:
            behind = letter.status is LetterStatus.OPEN
            raise Conflict(f"{letter_id}: {'is behind an older letter of its process' if behind else _is(letter)}")
        return letter

    async def redriven(self, letter_id: int, actor: str) -> bool:
        """Close a letter whose message was processed; False when the message came back meanwhile."""
        ended = {"letter_id": letter_id, "from": "redriving", "to": "redriven", "actor": actor, "reason": "processed"}
        return await self._db.row(sql.END, ended) is not None

    async def discard(self, letter_id: int, actor: str, reason: str) -> None:
        """Give up a message for good; raise InvalidInput without a reason, NotFound, Conflict when it isn't open."""
        if not reason.strip():
            raise InvalidInput("--reason", "must say why the message may be lost")
        params = {"letter_id": letter_id, "from": "open", "to": "discarded", "actor": actor, "reason": reason}
        if await self._db.row(sql.END, params) is None:
            raise Conflict(f"{letter_id}: {_is(await self.read(letter_id))}")


def _is(letter: DeadLetter) -> str:
    return f"is {letter.status} already"


def _letter(row: TupleRow) -> DeadLetter:
    names = [name.strip() for name in sql.COLUMNS.split(",")]
    told = dict(zip(names, row, strict=True))
    return DeadLetter(**told | {"status": LetterStatus(told["status"]), "original": bytes(told["original"])})
