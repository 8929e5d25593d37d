"""The books of a simulated provider: its requests by key and their effects, in its own schema.

A provider never shares a transaction with the services. Its log of calls is append-only, and holds the calls of one key
in the order in which they took effect.
"""

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from models.errors import AlreadyUndone, KeyReused, Unavailable
from postgres.database import Database
from providers.simulated import statements as entries

ALWAYS = 2**31 - 1


@dataclass(frozen=True)
class Script:
    """The behaviour that a test value selects.

    `status` is the status after a do; `failures` and `undo_failures` are the failed calls before a do or an undo
    succeeds; `unanswered` is the number of successful calls that don't answer; with `hidden`, `find` doesn't answer.
    """

    status: str = "taken"
    failures: int = 0
    undo_failures: int = 0
    unanswered: int = 0
    hidden: bool = False


@dataclass(frozen=True)
class Entry:
    """The entry of a key after a call; `calls` counts the dos so far."""

    outcome: str
    status: str
    reference: str
    undo_reference: str
    detail: dict[str, Any]
    calls: int


class Book:
    """The book of one provider, which defines the fields of `detail`."""

    def __init__(self, db: Database, schema: LiteralString) -> None:
        self._db = db
        self._do, self._undo, self._find = (
            SQL(text).format(schema=Identifier(schema)).as_bytes(None)
            for text in (entries.DO, entries.UNDO, entries.FIND)
        )

    async def do(self, key: str, plan: Script, **request: Any) -> Entry:
        """Record a do once, with the result of the plan; raise KeyReused, AlreadyUndone, Unavailable."""
        entry = await self._call(self._do, key=key, **vars(plan), **request)
        if entry.outcome == "too late":
            raise AlreadyUndone(f"{key}: was taken back before")
        if entry.outcome == "key reused":
            raise KeyReused(f"{key}: was used for another request")
        return entry

    async def undo(self, key: str, operation: str, reference: str) -> Entry:
        """Record the undo of a key, which refuses any later do; raise Unavailable."""
        return await self._call(self._undo, key=key, operation=operation, reference=reference)

    async def find(self, key: str) -> Entry | None:
        """Return the entry of a key, None when there is none."""
        row = await self._db.row(self._find, {"key": key})
        return Entry(*row) if row else None

    async def _call(self, query: bytes, **params: Any) -> Entry:
        if isinstance(params.get("detail"), dict):
            params["detail"] = Jsonb(params["detail"])
        row = await self._db.row(query, params)
        if row is None or row[0] == "unavailable":
            raise Unavailable(f"{params['key']}: no answer, as if the network had failed")
        return Entry(*row)
