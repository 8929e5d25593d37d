"""The idempotent receiver: an effect happens once per idempotency key, and never after its undo, in any order of calls.

A service's schema has a table `receipts`; each do, undo or settle is one SQL statement that writes the receipt and
the effect together (microservices.io: Idempotent Consumer). These rules keep concurrent statements correct:

- `gate`, an advisory lock, makes the statements of one key queue before they lock anything else. So a repeated do,
  which holds stock and waits for the receipt, can't deadlock with an undo, which holds the receipt and waits for stock.
- All parts of a statement read one snapshot, taken at its start. So an undo never reads the rows of the do; it uses the
  answer in the receipt, of which `on conflict do update` returns the current version.
- An effect joins `claim` (or `undone`, `settled`): it happens if and only if the receipt has the status for it.
"""

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from messaging.idempotent_receiver import statements
from models.activities.base import Request
from models.base import fingerprint
from models.errors import (
    BY_NAME,
    AlreadySettled,
    AlreadyUndone,
    Final,
    KeyReused,
    NotAccepted,
    NotFound,
    Refused,
    Unavailable,
)
from postgres.connection import begun
from postgres.database import Database


@dataclass(frozen=True)
class UndoResult:
    """The result of an undo: the receipt's status after it, and the stored answer of the do, None without a do."""

    status: str
    answer: str | None

    @property
    def was_done(self) -> bool:
        """True when there was an effect to undo, now or at an earlier undo."""
        return self.status == "undone"


class Receiver:
    """The receipts of one service: its schema, and the SQL of its effects."""

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        schema: str,
        *,
        refused_as: type[Refused],
        decision: LiteralString = statements.DECIDED_BEFORE,
        done: LiteralString = "",
        undone: LiteralString = "",
        settled: LiteralString = "",
        in_force: LiteralString = "false",
    ) -> None:
        """Compile the statements; `decision` is the CTE of that name, the next three are CTEs of effects.

        `in_force` is an SQL condition on permanent tables of the service: true when the key's effect is in force, also
        after its receipt was pruned.
        """
        parts = {
            "schema": Identifier(schema),
            "error": Literal(refused_as.__name__),
            "gate": SQL(statements.GATE).format(scope=Literal(f"{schema}:")),
            "decision": SQL(decision),
            "in_force": SQL(in_force),
        }

        def compiled(statement: LiteralString, effects: LiteralString = "") -> bytes:
            return SQL(statement).format(**parts, effects=SQL(effects)).as_bytes(None)

        self._do = compiled(statements.DO, done)
        self._undo = compiled(statements.UNDO, undone)
        self._settle = compiled(statements.SETTLE, settled)
        self._read = compiled(statements.READ)

    async def do(self, db: Database, request: Request, **values: object) -> str:
        """Make the request's effect once and return its answer as JSON; a repeated call returns the stored answer.

        `values` are the parameters of the service's SQL. Raises Refused (a refusal is stored like an answer),
        KeyReused, AlreadyUndone, Unavailable.
        """
        request_hash = fingerprint(request)
        params = {**values, "key": request.key, "hash": request_hash}
        receipt = await db.row(self._do, params)
        if receipt is None:
            with begun():
                receipt = await db.row(self._read, {"key": request.key})
        return _judge(request.key, request_hash, receipt)

    async def recorded(self, db: Database, request: Request) -> str | None:
        """Return the recorded answer of the request, None when its key has no receipt; raise as `do` does."""
        receipt = await db.row(self._read, {"key": request.key})
        return _judge(request.key, fingerprint(request), receipt) if receipt else None

    async def repeated(self, db: Database, request: Request) -> str:
        """Return the recorded answer of a request whose process has ended; raise NotAccepted when there is none."""
        answer = await self.recorded(db, request)
        if answer is None:
            raise NotAccepted(f"{request.key}: the order or slip has ended without this step")
        return answer

    async def undo(self, db: Database, request: Request, **values: object) -> UndoResult:
        """Undo the effect of the request's key; if there is none, store a tombstone, which stops a late do.

        Raises AlreadySettled, Unavailable.
        """
        row = await db.row(self._undo, {**values, "key": request.key})
        if row is None or row[0] == "settled":
            raise AlreadySettled(f"{request.key}: was settled and can't be undone")
        return UndoResult(status=row[0], answer=row[1])

    async def settle(self, db: Database, request: Request) -> None:
        """Make the effect of the request's key final; a repeated call has no effect.

        Raises AlreadyUndone, NotFound or Final when there is no effect to settle, Unavailable.
        """
        if await db.row(self._settle, {"key": request.key}):
            return
        with begun():
            receipt = await db.row(self._read, {"key": request.key})
        if receipt is None:
            raise NotFound(f"{request.key}: was never done, so it can't be settled")
        if receipt[0] == "done":
            raise Unavailable(f"{request.key}: was done while it was being settled")
        if receipt[0] in {"undone", "tombstone"}:
            raise AlreadyUndone(f"{request.key}: was undone and can't be settled")
        if receipt[0] != "settled":
            raise Final(f"{request.key}: can't be settled, it is {receipt[0]}")


def _judge(key: str, request_hash: str, receipt: TupleRow | None) -> str:
    """Return the stored answer, or raise the error that the receipt stands for."""
    if receipt is None:
        raise Unavailable(f"{key}: the receipt can't be read")
    status, answer, stored_hash, error, message = receipt
    if status in {"undone", "tombstone"}:
        raise AlreadyUndone(f"{key}: was undone and can't be done any more")
    if stored_hash != request_hash:
        raise KeyReused(f"{key}: was used for another request")
    if status == "refused":
        raise BY_NAME[error](message)
    return str(answer)
