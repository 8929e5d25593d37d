"""The one way to PostgreSQL: a pool of connections, and the one place where its troubles become Unavailable."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PipelineStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from models.errors import InvalidInput, Unavailable

# Every wait here must end before an activity's own timeout does, or an attempt that was given up goes on unseen.
# A process that is frozen in the middle of a transaction loses its locks, too. All in milliseconds.
LIMITS = {
    "statement_timeout": 4_000,
    "lock_timeout": 3_000,
    "idle_in_transaction_session_timeout": 5_000,
}
# Known from PostgreSQL 17 on. None of the others counts while the server waits for the rest of what it was begun to be
# sent, as by a process that is frozen between two statements of a pipeline. Longer than any transaction may take.
LIMITS_SINCE_17 = {"transaction_timeout": 20_000}
VERSION_17 = 170_000
# On the disks of today any page costs about what the next one does; without that PostgreSQL reads all of a table of
# some ten thousand rows rather than a few by its key.
PLANNING = {"random_page_cost": 1.1}
POOL_WAIT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5

PASSING = (
    psycopg.OperationalError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)
Connection = AsyncConnection[TupleRow]
Params = Mapping[str, object]


class Database:
    """A pool of autocommit connections: one statement is one transaction, unless `transaction` says otherwise."""

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, size: int = 10) -> Self:
        """Connect to `url` with up to `size` connections; raise InvalidInput or Unavailable, in one line."""
        conninfo = connection_string(url)
        with unavailable():
            # The pool only tells that it waited in vain; a first connection of our own tells why.
            async with await AsyncConnection.connect(conninfo) as first:
                version = first.info.server_version
        if version >= VERSION_17:
            conninfo = connection_string(url, LIMITS | LIMITS_SINCE_17)
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            kwargs={"autocommit": True, "prepare_threshold": 0},
            min_size=min(2, size),
            max_size=size,
            timeout=POOL_WAIT_SECONDS,
            open=False,
        )
        with unavailable():
            await pool.open(wait=True, timeout=POOL_WAIT_SECONDS)
        return cls(pool)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def row(self, query: bytes, params: Params, connection: Connection | None = None) -> TupleRow | None:
        """Return the first row of one statement, run in the transaction of `connection` if one is given."""
        found = await self.rows(query, params, connection)
        return found[0] if found else None

    async def rows(
        self, query: bytes, params: Params | None = None, connection: Connection | None = None
    ) -> list[TupleRow]:
        """Return every row of one statement; raise Unavailable when the database can't answer now."""
        if connection is not None:
            return await _fetch(connection, query, params)
        async with self._connection() as own:
            return await _fetch(own, query, params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Hold a connection in a transaction: committed at the end of the block, rolled back by any error."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator["Pipeline"]:
        """As `transaction`; what is sent in the block doesn't wait for the answers of what was sent before."""
        async with self._connection() as connection, connection.pipeline() as sent, connection.transaction():
            yield Pipeline(connection, sent)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with unavailable():
            async with self._pool.connection() as connection:
                try:
                    yield connection
                except psycopg.Error:
                    if connection.closed:
                        # Where one connection died the idle ones did too: find out now, not at one failure each.
                        await self._pool.check()
                    raise
                finally:
                    # Cancelled on its way out of a pipeline it would stay in it, and look idle to the pool: whoever has
                    # it next would get no rows, and not know why.
                    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
                        await connection.close()


class Pipeline:
    """A transaction whose statements are sent one after the other, and answered together."""

    def __init__(self, connection: Connection, sent: AsyncPipeline) -> None:
        self._connection, self._sent = connection, sent

    async def send(self, query: bytes, params: Params) -> "Sent":
        """Send a statement that returns rows, and don't wait for them."""
        return Sent(await self._connection.execute(query, params), self._sent)


class Sent:
    """A statement on its way in a pipeline; its rows are there once they are asked for."""

    def __init__(self, cursor: AsyncCursor[TupleRow], sent: AsyncPipeline) -> None:
        self._cursor, self._sent = cursor, sent

    async def row(self) -> TupleRow | None:
        """Return the first row."""
        if self._cursor.pgresult is None:
            # Not only a flush, which fetching alone would send: until the server has seen a sync it counts no time as
            # idle, and a process that is frozen there would keep its locks for ever.
            await self._sent.sync()
        return await self._cursor.fetchone()


async def _fetch(connection: Connection, query: bytes, params: Params | None) -> list[TupleRow]:
    cursor = await connection.execute(query, params)
    return await cursor.fetchall() if cursor.description else []


def connection_string(url: str, limits: Mapping[str, int] = LIMITS) -> str:
    """Return `url` with time limits, in ms; raise InvalidInput when it isn't a PostgreSQL address."""
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Without the value: it may hold a password.
        raise InvalidInput("DATABASE_URL", "is not a PostgreSQL address") from None
    wanted = {**limits, **PLANNING}
    options = [str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in wanted.items())]
    given.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    return make_conninfo(**given | {"options": " ".join(options).strip()})


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn every trouble that may pass (lost connection, timeout, deadlock, full pool) into Unavailable."""
    try:
        yield
    except PASSING as error:
        told = str(error).strip().splitlines()
        raise Unavailable(f"database: {told[0] if told else type(error).__name__}") from error
