"""A wake-up call for relays: PostgreSQL's NOTIFY, with a limit in time in case it was missed."""

import asyncio

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from postgres.connection import connection_string


class OutboxListener:
    """Listens for committed events, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[TupleRow] | None = None

    async def wait(self, seconds: float) -> None:
        """Return when an event was committed since the last wait, and after `seconds` at the latest.

        A lost connection costs time and no event: then it just takes the time.
        """
        try:
            connection = await self._listening()
            async for _ in connection.notifies(timeout=seconds, stop_after=1):
                pass
        except psycopg.OperationalError:
            await self.close()
            await asyncio.sleep(seconds)

    async def _listening(self) -> AsyncConnection[TupleRow]:
        if self._connection is None:
            self._connection = await AsyncConnection.connect(connection_string(self._url), autocommit=True)
            await self._connection.execute("listen outbox")
        return self._connection

    async def close(self) -> None:
        """Stop listening."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
