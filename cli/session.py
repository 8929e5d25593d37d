"""A command's way to the order saga: settings, Temporal, the services' database; opened when first needed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client

from postgres.database import Database
from runtime.connection import connect, database_of, is_embedded
from runtime.settings import Settings
from services import schemas
from services.orders.orders import Orders
from services.slips.slips import Slips


class Session:
    """What a command talks to; each part is opened when it is first asked for."""

    def __init__(self, settings: Settings, opened: AsyncExitStack) -> None:
        self.settings, self._opened = settings, opened
        self._client: Client | None = None
        self._database: Database | None = None

    async def client(self) -> Client:
        """Return the Temporal client; raises Unreachable."""
        if self._client is None:
            self._client = await connect(self.settings)
        return self._client

    async def database(self) -> Database:
        """Return the services' database; raises Unavailable."""
        if self._database is None:
            url = database_of(self.settings)
            database = await Database.open(url, size=self.settings.database_pool)
            self._database = await self._opened.enter_async_context(database)
            await asyncio.to_thread(schemas.check, url)
        return self._database

    async def orders(self) -> Orders:
        """Return the orders of the services' database; raises Unavailable."""
        return Orders(await self.database())

    async def slips(self) -> Slips:
        """Return the routing slips of the services' database; raises Unavailable."""
        return Slips(await self.database())


@asynccontextmanager
async def session() -> AsyncIterator[Session]:
    """Open a session on what the environment names, or on the embedded stack; raises Unreachable when none runs."""
    settings = Settings.read()
    if is_embedded(settings):
        database_of(settings)  # tells how to start the embedded parts, which a refused connection would not
    async with AsyncExitStack() as opened:
        yield Session(settings, opened)
