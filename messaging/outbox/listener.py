"""Wakes relays by PostgreSQL's NOTIFY, with a timeout in case a notification was missed."""

import asyncio

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from models.errors import Unavailable
from postgres.connection import connection_string, unavailable
from postgres.routes import is_pooled


class OutboxListener:
    """Listens for committed events, on its own connection; through a pooler it only waits, as nothing would arrive."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[TupleRow] | None = None
        self._pooled = False

    async def wait(self, seconds: float) -> set[str]:
        """Return the services that committed events since the last wait; none after `seconds` at the latest.

        When the connection is lost or useless, the call returns after `seconds`: an event is then published late, never
        lost.
        """
        try:
            with unavailable():
                if (connection := await self._listening()) is not None:
                    return {each.payload async for each in connection.notifies(timeout=seconds, stop_after=1)}
        except Unavailable:
            await self.close()
        await asyncio.sleep(seconds)
        return set()

    async def _listening(self) -> AsyncConnection[TupleRow] | None:
        """Return the connection that listens; None through a pooler."""
        if self._connection is None and not self._pooled:
            self._connection = await AsyncConnection.connect(
                connection_string(self._url, {}), autocommit=True, prepare_threshold=None
            )
            row = await (await self._connection.execute("select pg_backend_pid()")).fetchone()
            self._pooled = row is None or is_pooled(self._connection, row[0])
            if self._pooled:
                await self.close()
            else:
                await self._connection.execute("listen outbox")
        return self._connection

    async def close(self) -> None:
        """Stop listening; the next wait connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
