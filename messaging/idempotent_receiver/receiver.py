"""The idempotent receiver: an effect happens once for a key, and never after its undo, whatever arrives when.

A service's schema has a table `receipts`; each do, undo or settling is one SQL statement that writes the receipt
and the effect together. How that stays right while others do the same at the same time:

- `gate` makes the statements of one key queue before they lock anything else, so that a repeated do, which holds
  stock and waits for the receipt, can't deadlock with an undo, which holds the receipt and waits for stock.
- All parts of a statement see the rows as of its start. So an undo never reads what the do inserted; it works from
  the answer in the receipt, which `on conflict do update` returns as it is now.
- An effect joins `claim` (or `undone`, `settled`): it happens when the receipt says so, and only then.
"""

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from messaging.idempotent_receiver import statements
from messaging.idempotent_receiver.settlement import Settlement
from models.activities.base import Request
from models.base import fingerprint
from models.errors import BY_NAME, AlreadySettled, AlreadyUndone, KeyReused, Refused, Unavailable
from postgres.database import Database
from postgres.pipeline import Pipeline


@dataclass(frozen=True)
class UndoResult:
    """What an undo found: the receipt's status after it, and the stored answer of the do, if there ever was one."""

    status: str
    answer: str | None

    @property
    def was_done(self) -> bool:
        """Whether there was an effect to undo, now or at an earlier undo."""
        return self.status == "undone"


class Receiver:
    """The receipts of one service: its schema, and the SQL of its effects."""

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        schema: str,
        *,
        refused_as: type[Refused],
        verdict: LiteralString = statements.DECIDED_BEFORE,
        done: LiteralString = "",
        undone: LiteralString = "",
        settled: LiteralString = "",
        stands: LiteralString = "false",
    ) -> None:
        """Compile the statements; `verdict` is the CTE of that name, the next three are CTEs of effects.

        `stands` is what the service's books, which are kept for ever, say of a key whose receipt was pruned.
        """
        parts = {
            "schema": Identifier(schema),
            "error": Literal(refused_as.__name__),
            "gate": SQL(statements.GATE).format(scope=Literal(f"{schema}:")),
            "verdict": SQL(verdict),
            "stands": SQL(stands),
        }

        def compiled(statement: LiteralString, effects: LiteralString = "") -> bytes:
            return SQL(statement).format(**parts, effects=SQL(effects)).as_bytes(None)

        self._do = compiled(statements.DO, done)
        self._undo = compiled(statements.UNDO, undone)
        self._settle = compiled(statements.SETTLE, settled)
        self._read = compiled(statements.READ)

    async def do(self, db: Database, request: Request, **values: object) -> str:
        """Return the answer, in JSON, of the request's effect: made now, or stored when it was made before.

        Raises Refused as the verdict says (now and ever after), KeyReused, AlreadyUndone, Unavailable.
        """
        asked = fingerprint(request)
        params = {**values, "key": request.key, "hash": asked}
        receipt = await db.row(self._do, params) or await db.row(self._read, {"key": request.key})
        return _judge(request.key, asked, receipt)

    async def undo(self, db: Database, request: Request, **values: object) -> UndoResult:
        """Undo what was done under the request's key; when nothing was, leave a tombstone that stops a late do.

        Raises AlreadySettled, Unavailable.
        """
        row = await db.row(self._undo, {**values, "key": request.key})
        if row is None or row[0] == "settled":
            raise AlreadySettled(f"{request.key}: was settled and can't be undone")
        return UndoResult(status=row[0], answer=row[1])

    async def settle(self, pipeline: Pipeline, key: str) -> "Settlement":
        """Send, in the caller's transaction, what makes an effect final; its `end` tells whether it is."""
        return Settlement(pipeline, key, await pipeline.send(self._settle, {"key": key}), self._read)


def _judge(key: str, asked: str, receipt: TupleRow | None) -> str:
    """The stored answer, or the error that the receipt stands for."""
    if receipt is None:
        raise Unavailable(f"{key}: the receipt can't be read")
    status, answer, said, error, message = receipt
    if status in {"undone", "tombstone"}:
        raise AlreadyUndone(f"{key}: was undone and can't be done any more")
    if said != asked:
        raise KeyReused(f"{key}: was used for another request")
    if status == "refused":
        raise BY_NAME[error](message)
    return str(answer)
