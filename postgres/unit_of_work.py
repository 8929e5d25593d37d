"""One transaction over several services: an effect, its receipt and its event are committed together or not at all.

The pattern is Unit of Work of Martin Fowler, Patterns of Enterprise Application Architecture.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from postgres.connection import begun
from postgres.database import Database
from postgres.pipeline import Connection


class UnitOfWork(Database):
    """A Database whose statements all run in one transaction.

    The transaction begins with the first statement, so no connection is held during a provider call before it.
    """

    def __init__(self, db: Database, opened: AsyncExitStack) -> None:
        self._db, self._opened = db, opened
        self._set_limits = None  # the transaction has set them
        self._held: Connection | None = None

    @property
    def place(self) -> str:
        """The database for messages."""
        return self._db.place

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if self._held is None:
            self._held = await self._opened.enter_async_context(self._db.transaction())
        yield self._held


@asynccontextmanager
async def unit_of_work(db: Database) -> AsyncIterator[UnitOfWork]:
    """Open a unit of work, which the end of the block commits and any error rolls back.

    The block may have had effects elsewhere before its first statement, so it raises Unavailable and never NotBegun.
    """
    with begun():
        async with AsyncExitStack() as opened:
            yield UnitOfWork(db, opened)
