"""A transaction whose statements don't wait for each other's results."""

from collections.abc import Mapping

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from psycopg.rows import TupleRow

Connection = AsyncConnection[TupleRow]
Params = Mapping[str, object]


def has_rows(cursor: AsyncCursor[TupleRow]) -> bool:
    """Return whether a statement returns rows, perhaps none; unlike `description`, this builds no object per column."""
    return cursor.rownumber is not None


class Pipeline:
    """A transaction in PostgreSQL's pipeline mode: statements are sent without waiting for earlier results."""

    def __init__(self, connection: Connection, sent: AsyncPipeline) -> None:
        self._connection, self._sent = connection, sent

    async def send(self, query: bytes, params: Params | None) -> "Sent":
        """Send a statement that returns rows, without waiting for them."""
        return Sent(await self._connection.execute(query, params), self._sent)


class Sent:
    """A statement that was sent in a pipeline; `row` and `rows` wait for its result."""

    def __init__(self, cursor: AsyncCursor[TupleRow], sent: AsyncPipeline) -> None:
        self._cursor, self._sent = cursor, sent

    async def row(self) -> TupleRow | None:
        """Wait for the result and return its first row, None when there is none."""
        await self._arrived()
        return await self._cursor.fetchone()

    async def rows(self) -> list[TupleRow]:
        """Wait for the result and return all rows."""
        await self._arrived()
        return await self._cursor.fetchall() if has_rows(self._cursor) else []

    async def _arrived(self) -> None:
        if self._cursor.pgresult is None:
            # A sync, not only the flush that fetching would send: before a sync, idle_in_transaction_session_timeout
            # does not run, so a process that is frozen here would keep its locks without limit.
            await self._sent.sync()
