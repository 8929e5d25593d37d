"""Wakes relays by PostgreSQL's NOTIFY, with a timeout in case a notification was missed."""

import asyncio

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from postgres.connection import connection_string


class OutboxListener:
    """Listens for committed events, on its own connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[TupleRow] | None = None

    async def wait(self, seconds: float) -> None:
        """Return when an event was committed since the last wait, and after `seconds` at the latest.

        When the connection is lost, the call returns after `seconds`: an event is then published late, never lost.
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
