"""The pool of connections of a process, which replaces connections that are useless and not only closed ones."""

from weakref import WeakSet

import psycopg
from psycopg_pool import AsyncConnectionPool

from postgres.connection import USELESS
from postgres.pipeline import Connection
from postgres.routes import Route

POOL_WAIT_SECONDS = 5.0
# The time for which the pool tries to open one connection, in growing pauses. After a long outage the next pause would
# be minutes, so the time is that of a request: the next request starts a new attempt at once.
RECONNECT_SECONDS = POOL_WAIT_SECONDS


class Pool(AsyncConnectionPool[Connection]):
    """A pool that replaces all its connections when one of them is lost, or can't be used any more."""

    def __init__(self, route: Route, size: int) -> None:
        """Prepare a pool of up to `size` connections, not opened yet."""
        self._since_drain: WeakSet[Connection] = WeakSet()
        super().__init__(
            route.conninfo,
            kwargs={"autocommit": True, "prepare_threshold": None if route.is_pooled else 0},
            min_size=min(2, size),
            max_size=size,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            configure=self._on_opened,
            open=False,
        )

    async def _on_opened(self, connection: Connection) -> None:
        self._since_drain.add(connection)
        # The variable PGDATESTYLE, the database or the role may set a style whose times psycopg can't read.
        if not (connection.info.parameter_status("DateStyle") or "").startswith("ISO"):
            await connection.execute("set datestyle to 'ISO'")

    async def drop_if_useless(self, connection: Connection, error: psycopg.Error) -> None:
        """Close a connection that is lost or useless after `error`, and replace its siblings: they usually are, too."""
        if not (connection.closed or isinstance(error, USELESS)):
            return
        await connection.close()
        # The siblings in use report the same loss; replacing the new connections again would not help.
        if connection in self._since_drain:
            self._since_drain.clear()
            await self.drain()
