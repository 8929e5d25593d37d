"""The system of a run: its own servers, folder, ports and crew; nothing of it outlives the run."""

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio.client import Client

from client.connection import Connection
from client.installation import bind_database
from client.orders import OrdersClient
from models.participants import OWNERS, Owner
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded.record import Layout, read_record
from runtime.embedded.stack import Stack, embedded_stack
from runtime.metrics import build_runtime
from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings
from services import demo_articles, schemas
from services.assembly import Services
from services.databases import Databases
from tests.faults.chaos.planning.faults import workers_of
from tests.faults.chaos.processes.crew import Crew, crew
from tests.faults.chaos.processes.kept import KeptServer, kept_servers
from tests.faults.chaos.processes.post import Places
from tests.faults.chaos.strikes.proxy import LOOPBACK
from tests.gathered import gathered
from tests.servers import make_template
from tests.spread import Spread
from worker import services_on

APPLICATION_NAME = "chaos"
SECONDS_BETWEEN_ROUNDS = 2
SECONDS_TO_BE_READY = 60.0
# Below the range of ports for outgoing connections.
QUIET_PORTS = range(15_000, 32_000)


@dataclass(frozen=True)
class ChaosSystem:
    """The parts of a run. No fault strikes the run's own connections, but the servers themselves fail.

    `databases` are those of the services, and `db` answers for all of them.
    """

    folder: Path
    settings: Settings
    stack: Stack
    client: Client
    databases: Databases
    places: Places
    servers: Mapping[Owner, KeptServer]
    crew: Crew

    @cached_property
    def db(self) -> Database:
        """The database of all services, or a view of them."""
        return Spread(self.databases) if self.places.apart else self.databases.orders

    @cached_property
    def services(self) -> Services:
        """The services on the run's own database connections."""
        return services_on(self.databases, self.settings)

    @cached_property
    def orders(self) -> OrdersClient:
        """The Python API on the run's own connections."""
        return OrdersClient(Connection.to(self.client, self.services))

    def server(self, name: str, owner: Owner = "orders") -> int:
        """Return the process id of `temporal`, or of the `postgres` of a service; 0 during its restart."""
        if name == "postgres" and owner in self.servers:
            return self.servers[owner].pid
        record = read_record(Layout(self.settings.data_dir))
        return record.children.get(name, 0) if record else 0

    @asynccontextmanager
    async def connection(self, owner: Owner = "orders") -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Open a connection to a service's database without the services' time limits; it is rolled back."""
        url = _with_application_name(self.places.databases[owner])
        async with await AsyncConnection.connect(url) as connection:
            yield connection
            await connection.rollback()

    @asynccontextmanager
    async def gathered(self) -> AsyncIterator[Database]:
        """Yield one database with the evidence of all services at rest."""
        if not self.places.apart:
            yield self.databases.orders
            return
        async with gathered(self.stack.database_url, self.places.urls) as copied:
            yield copied


@asynccontextmanager
async def open_system(folder: Path, *, hasty: bool, apart: bool = False) -> AsyncIterator[ChaosSystem]:
    """Start everything, wait until each worker is ready, and stop everything at the end of the block."""
    temporal, ui = _quiet_ports(2)
    settings = Settings(data_dir=folder / "data", temporal_port=temporal, ui_port=ui, log_level="warning")
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(embedded_stack(settings))
        client = await connect(settings, address=stack.temporal_address, runtime=build_runtime(settings))
        servers = await opened.enter_async_context(kept_servers(folder)) if apart else {}
        places = await _places(stack, servers) if apart else Places.of(stack)
        databases = await _prepared(client, places, opened)
        members = await opened.enter_async_context(crew(places, folder, workers_of(apart=apart), hasty=hasty))
        await demo_articles.load(databases)
        await schedule_reconciler(client, SECONDS_BETWEEN_ROUNDS)
        await _wait_until_ready(members)
        yield ChaosSystem(folder, settings, stack, client, databases, places, servers, members)


async def _places(stack: Stack, servers: Mapping[Owner, KeptServer]) -> Places:
    """Return the places of services apart; the database of the orders is that of the stack."""
    await asyncio.to_thread(make_template, stack.database_url)  # of the evidence
    urls: dict[Owner, str] = {owner: server.url for owner, server in servers.items()}
    return Places(stack.temporal_address, {"orders": stack.database_url, **urls}, apart=True)


async def _prepared(client: Client, places: Places, opened: AsyncExitStack) -> Databases:
    """Migrate and bind the databases, and return them, opened for the run itself."""
    found: dict[str, Database] = {}
    for url in dict.fromkeys(places.databases.values()):
        owners = [owner for owner in OWNERS if places.databases[owner] == url]
        await asyncio.to_thread(schemas.migrate, url, schemas.names_of(owners))
        await bind_database(client, url, owners)
        found[url] = await opened.enter_async_context(await Database.open(_with_application_name(url), size=20))
    return Databases(*(found[places.databases[owner]] for owner in OWNERS))


def _quiet_ports(count: int) -> list[int]:
    """Return ports that no outgoing connection takes by chance while their server is down."""
    found: list[int] = []
    for port in random.SystemRandom().sample(QUIET_PORTS, len(QUIET_PORTS)):
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                found.append(port)
        if len(found) == count:
            break
    return found


def _with_application_name(url: str) -> str:
    return f"{url}&application_name={APPLICATION_NAME}"


async def _wait_until_ready(members: Crew) -> None:
    """Wait until each process is up."""
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while not all(post.there for post in members.posts):
        if time.monotonic() > deadline:
            raise TimeoutError("the workers did not start in time; see their logs")
        await asyncio.sleep(0.05)
