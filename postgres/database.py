"""The services' access to PostgreSQL: a connection pool for single statements, transactions and pipelines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import psycopg
from psycopg.pq import PipelineStatus
from psycopg.rows import TupleRow

from models.errors import NotBegun
from postgres.connection import place_of, unavailable
from postgres.pipeline import Connection, Params, Pipeline, has_rows
from postgres.pool import POOL_WAIT_SECONDS, Pool
from postgres.routes import route_to


class Database:
    """A pool of autocommit connections: one statement is one transaction, except inside `transaction`."""

    def __init__(self, pool: Pool, place: str, set_limits: bytes | None = None) -> None:
        """Use `pool`; `set_limits` is the statement of its route, which sets the limits of a transaction."""
        self._pool, self._place, self._set_limits = pool, place, set_limits

    @classmethod
    async def open(cls, url: str, size: int = 10) -> Self:
        """Connect to `url` with up to `size` connections; raise InvalidInput or NotBegun."""
        # The pool reports only a timeout; a separate first connection reports the cause.
        route = await asyncio.to_thread(route_to, url)
        pool = Pool(route, size)
        with unavailable(NotBegun):
            await pool.open(wait=True, timeout=POOL_WAIT_SECONDS)
        return cls(pool, place_of(url), route.set_limits)

    @property
    def place(self) -> str:
        """The database for messages, such as db.example.com/orders: without its user and password."""
        return self._place

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def row(self, query: bytes, params: Params, connection: Connection | None = None) -> TupleRow | None:
        """Run one statement, in the transaction of `connection` if given, and return its first row or None."""
        found = await self.rows(query, params, connection)
        return found[0] if found else None

    async def rows(
        self, query: bytes, params: Params | None = None, connection: Connection | None = None
    ) -> list[TupleRow]:
        """Run one statement as `row` does, and return all rows; raise Unavailable on a transient error."""
        if connection is not None:
            return await _fetch(connection, query, params)
        if self._set_limits is not None:
            async with self.pipeline() as pipeline:
                return await (await pipeline.send(query, params)).rows()
        async with self._connection() as own:
            return await _fetch(own, query, params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction, which the end of the block commits and any error rolls back."""
        async with self._connection() as connection, connection.transaction():
            if self._set_limits is not None:
                await connection.execute(self._set_limits)
            yield connection

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Pipeline]:
        """Yield a transaction as `transaction` does, whose statements don't wait for the results of earlier ones."""
        async with self._connection() as connection, connection.pipeline() as sent, connection.transaction():
            if self._set_limits is not None:
                await connection.execute(self._set_limits)
            yield Pipeline(connection, sent)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with unavailable():
            async with self._pool.connection() as connection:
                try:
                    yield connection
                except psycopg.Error as error:
                    await self._pool.drop_if_useless(connection, error)
                    raise
                finally:
                    # A connection that is cancelled while it leaves a pipeline stays in pipeline mode but looks idle to
                    # the pool; its next user would receive no rows.
                    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
                        await connection.close()


async def _fetch(connection: Connection, query: bytes, params: Params | None) -> list[TupleRow]:
    cursor = await connection.execute(query, params)
    return await cursor.fetchall() if has_rows(cursor) else []
