"""The Python API of the order saga: `async with connect() as orders: placed = await orders.place(order)`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from temporalio.client import Client

from activities.installation import check_installation
from client.connection import Connection, once
from client.orders import OrdersClient
from client.placing import RunOptions
from models.participants import Owner
from providers.registry import providers
from runtime import connection
from runtime.databases import databases_of
from runtime.settings import Settings
from services.assembly import Services
from services.installation.installation import Installation
from serving.databases import Check, opened

__all__ = ["OrdersClient", "RunOptions", "connect"]


@asynccontextmanager
async def connect(settings: Settings | None = None, temporal: Client | None = None) -> AsyncIterator[OrdersClient]:
    """Open a client of the configured order saga, or of the embedded one, for the length of the block.

    With `temporal`, the client uses that connection; a worker of this process that shares it gets new orders eagerly.

    Raises InvalidInput that names the variable at fault, Unavailable when the embedded servers don't run. The client
    connects to Temporal and each database on first use; a call raises Unavailable when it can't reach what it needs.
    """
    chosen = settings or Settings.read()
    if connection.is_embedded(chosen):
        databases_of(chosen)  # its error names the remedy, unlike a refused connection's
    defaults = RunOptions(chosen.deadline_seconds, chosen.express)
    client = once(partial(_temporal, chosen, temporal))

    async def check(installation: Installation) -> None:
        await check_installation(await client(), installation)

    async with AsyncExitStack() as stack:
        yield OrdersClient(Connection(client, partial(_services, chosen, check), stack), defaults)


@asynccontextmanager
async def open_unbound(settings: Settings, owner: Owner = "orders") -> AsyncIterator[tuple[Client, Services]]:
    """Open Temporal and the services without the check that they belong to each other; raise as `connect` does.

    The database of the service `owner` is opened at once, another one when it is needed.
    """

    async def unchecked(_: Installation) -> None:
        pass

    async with _services(settings, unchecked, owner) as services:
        yield await connection.connect(settings), services


async def _temporal(settings: Settings, given: Client | None) -> Client:
    return given or await connection.connect(settings)


@asynccontextmanager
async def _services(settings: Settings, check: Check, owner: Owner = "orders") -> AsyncIterator[Services]:
    """Open the database of one service, and prepare the services in others, which a command may never need."""
    async with opened(databases_of(settings), settings, [owner], check) as found:
        databases = found.databases
        chosen = providers(databases.payments, databases.shipping, settings.card_provider, settings.carrier)
        yield Services(databases, chosen)
