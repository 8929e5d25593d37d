"""The book of a simulated outside party: what it was asked, by key, and what it did, kept in its own schema.

It has its own connections and never shares a transaction with the house. Its log of calls only grows, and the
calls of one key stand there in the order in which they took effect.
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
    """What a test value makes of a do: how it ends, how often it or its undo fails first, how often we aren't told.

    A `hidden` one can't be found later either.
    """

    status: str = "taken"
    failures: int = 0
    undo_failures: int = 0
    unanswered: int = 0
    hidden: bool = False


@dataclass(frozen=True)
class Entry:
    """What the book says of a key after a call; `calls` counts the dos so far."""

    outcome: str
    status: str
    reference: str
    undo_reference: str
    detail: dict[str, Any]
    calls: int


class Book:
    """One party's book; the fields of `detail` are the party's own."""

    def __init__(self, db: Database, schema: LiteralString) -> None:
        self._db = db
        self._do, self._undo, self._find = (
            SQL(text).format(schema=Identifier(schema)).as_bytes(None)
            for text in (entries.DO, entries.UNDO, entries.FIND)
        )

    async def do(self, key: str, plan: Script, **said: Any) -> Entry:
        """Do what the plan says, once; raise KeyReused, AlreadyUndone, Unavailable."""
        entry = await self._ask(self._do, key=key, **vars(plan), **said)
        if entry.outcome == "too late":
            raise AlreadyUndone(f"{key}: was taken back before")
        if entry.outcome == "key reused":
            raise KeyReused(f"{key}: was used for another request")
        return entry

    async def undo(self, key: str, operation: str, reference: str) -> Entry:
        """Take back what was done, or see to it that it never will be; raise Unavailable."""
        return await self._ask(self._undo, key=key, operation=operation, reference=reference)

    async def find(self, key: str) -> Entry | None:
        """Return what stands under a key."""
        row = await self._db.row(self._find, {"key": key})
        return Entry(*row) if row else None

    async def _ask(self, query: bytes, **params: Any) -> Entry:
        if isinstance(params.get("detail"), dict):
            params["detail"] = Jsonb(params["detail"])
        row = await self._db.row(query, params)
        if row is None or row[0] == "unavailable":
            raise Unavailable(f"{params['key']}: no answer, as if the network had failed")
        return Entry(*row)
