"""The database of a worker process with faults around its statements and commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.rows import TupleRow

from postgres.database import Database
from postgres.pipeline import Connection, Params, Pipeline
from tests.faults.injection.attempts import CURRENT


class FaultyDatabase(Database):
    """A Database whose statements meet the faults of the current attempt."""

    async def rows(
        self, query: bytes, params: Params | None = None, connection: Connection | None = None
    ) -> list[TupleRow]:
        """Return every row of one statement; with a fault at `sent`, the commit is separate from the statement."""
        attempt = CURRENT.get()
        if attempt is None or connection is not None:
            return await super().rows(query, params, connection)
        if not attempt.at("sent", query):
            found = await super().rows(query, params)
        else:
            async with super().transaction() as own:
                found = await super().rows(query, params, own)
                await attempt.strike("sent", query, own)
            await attempt.strike("sent", query, committed=True)
        for point in ("fenced", "called"):
            await attempt.strike(point, query)
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Hold a connection in a transaction, with the faults of the commit at its end."""
        async with super().transaction() as connection, self._struck(connection):
            yield connection
        await self._lost()

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Pipeline]:
        """Hold a pipeline in a transaction, with the faults of the commit at its end."""
        async with super().pipeline() as pipeline, self._struck(pipeline._connection):
            yield pipeline
        await self._lost()

    @asynccontextmanager
    async def _struck(self, connection: Connection) -> AsyncIterator[None]:
        yield
        if attempt := CURRENT.get():
            await attempt.strike("sent", connection=connection)

    async def _lost(self) -> None:
        if attempt := CURRENT.get():
            await attempt.strike("sent", committed=True)
            await attempt.committed()
