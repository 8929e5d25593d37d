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
    """Open the order saga that the environment names, or that runs on this machine, for the length of the block.

    With `temporal`, by that connection: orders start at once on a worker of this process that shares it.

    Raises InvalidInput naming the variable at fault, Unavailable when nothing runs here. Temporal and the database are
    reached when they are first needed; the calls that need them raise Unavailable when they can't be.
    """
    chosen = settings or Settings.read()
    if connection.is_embedded(chosen):
        connection.database_of(chosen)  # tells how to start the embedded parts, which a refused connection would not
    defaults = RunOptions(chosen.deadline_seconds, chosen.express)
    async with AsyncExitStack() as opened:
        yield OrdersClient(
            Connection(partial(_temporal, chosen, temporal), partial(_services, chosen), opened), defaults
        )


async def _temporal(settings: Settings, given: Client | None) -> Client:
    return given or await connection.connect(settings)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    url = connection.database_of(settings)
    async with await Database.open(url, size=settings.database_pool) as database:
        await asyncio.to_thread(schemas.check, url)
        yield Services(database, providers(database, settings.card_provider, settings.carrier))
