"""A database that is opened when it is first used, for a process that may never need it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from psycopg.rows import TupleRow

from postgres.database import Database
from postgres.pipeline import Connection, Params, Pipeline


class OnDemand(Database):
    """Opens a database at the first statement; one that can't be opened is tried again at the next."""

    def __init__(self, place: str, opening: Callable[[], Awaitable[Database]]) -> None:
        """`opening` returns the open database; `place` is its name for messages."""
        self._named, self._opening, self._lock = place, opening, asyncio.Lock()
        self._database: Database | None = None

    @property
    def place(self) -> str:
        """The database for messages."""
        return self._named

    async def opened(self) -> Database:
        """Return the open database; raise what `opening` raises."""
        async with self._lock:
            if self._database is None:
                self._database = await self._opening()
            return self._database

    async def close(self) -> None:
        """Close the database, if it was opened."""
        if self._database is not None:
            await self._database.close()

    async def rows(
        self, query: bytes, params: Params | None = None, connection: Connection | None = None
    ) -> list[TupleRow]:
        """Run one statement as `Database.rows`."""
        return await (await self.opened()).rows(query, params, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection as `Database.transaction`."""
        async with (await self.opened()).transaction() as connection:
            yield connection

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Pipeline]:
        """Yield a transaction as `Database.pipeline`."""
        async with (await self.opened()).pipeline() as pipeline:
            yield pipeline
