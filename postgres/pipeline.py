"""A transaction whose statements don't wait for each other's answers."""

from collections.abc import Mapping

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from psycopg.rows import TupleRow

Connection = AsyncConnection[TupleRow]
Params = Mapping[str, object]


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
