"""The Python API of the order saga: `async with connect() as orders: placed = await orders.place(order)`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from temporalio.client import Client

from client.connection import Connection
from client.orders import OrdersClient
from client.placing import RunOptions
from postgres.database import Database
from providers.registry import providers
from runtime import connection
from runtime.settings import Settings
from services import schemas
from services.assembly import Services

__all__ = ["OrdersClient", "RunOptions", "connect"]


@asynccontextmanager
async def connect(settings: Settings | None = None, temporal: Client | None = None) -> AsyncIterator[OrdersClient]:
    """Open a client of the configured order saga, or of the embedded one, for the length of the block.

    With `temporal`, the client uses that connection; a worker of this process that shares it gets new orders eagerly.

    Raises InvalidInput that names the variable at fault, Unavailable when the embedded servers don't run. The client
    connects to Temporal and the database on first use; a call raises Unavailable when they can't be reached.
    """
    chosen = settings or Settings.read()
    if connection.is_embedded(chosen):
        connection.database_of(chosen)  # its error names the remedy, unlike a refused connection's
    defaults = RunOptions(chosen.deadline_seconds, chosen.express)
    async with AsyncExitStack() as opened:
        yield OrdersClient(
            Connection(partial(_temporal, chosen, temporal), partial(_services, chosen), opened), defaults
        )


@asynccontextmanager
async def open_unbound(settings: Settings) -> AsyncIterator[tuple[Client, Services]]:
    """Open Temporal and the services without the check that they belong to each other; raise as `connect` does."""
    async with _services(settings) as services:
        yield await connection.connect(settings), services


async def _temporal(settings: Settings, given: Client | None) -> Client:
    return given or await connection.connect(settings)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    url = connection.database_of(settings)
    async with await Database.open(url, size=settings.database_pool) as database:
        await asyncio.to_thread(schemas.check, url)
        yield Services(database, providers(database, settings.card_provider, settings.carrier))
