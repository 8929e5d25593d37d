"""The system of a run: its own servers, folder, ports and crew; nothing of it outlives the run."""

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio.client import Client

from client.connection import Connection
from client.installation import bind_database
from client.orders import OrdersClient
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded.record import Layout, read_record
from runtime.embedded.stack import Stack, embedded_stack
from runtime.metrics import build_runtime
from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings
from services import demo_articles, schemas
from services.assembly import Services
from tests.faults.chaos.planning.faults import WORKERS
from tests.faults.chaos.processes.crew import Crew, crew
from tests.faults.chaos.strikes.proxy import LOOPBACK
from worker import services_on

APPLICATION_NAME = "chaos"
SECONDS_BETWEEN_ROUNDS = 2
SECONDS_TO_BE_READY = 60.0
# Below the range of ports for outgoing connections.
QUIET_PORTS = range(15_000, 32_000)


@dataclass(frozen=True)
class ChaosSystem:
    """The parts of a run. No fault strikes the run's own connections, but the servers themselves fail."""

    folder: Path
    settings: Settings
    stack: Stack
    client: Client
    db: Database
    crew: Crew

    @cached_property
    def services(self) -> Services:
        """The services on the run's own database connection."""
        return services_on(self.db, self.settings)

    @cached_property
    def orders(self) -> OrdersClient:
        """The Python API on the run's own connections."""
        return OrdersClient(Connection.to(self.client, self.services))

    def server(self, name: str) -> int:
        """Return the current process id of `temporal` or `postgres`; 0 during its restart."""
        record = read_record(Layout(self.settings.data_dir))
        return record.children.get(name, 0) if record else 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Open a connection without the services' time limits, in a transaction that is rolled back."""
        async with await AsyncConnection.connect(_with_application_name(self.stack.database_url)) as connection:
            yield connection
            await connection.rollback()


@asynccontextmanager
async def open_system(folder: Path, *, hasty: bool) -> AsyncIterator[ChaosSystem]:
    """Start everything, wait until each worker is ready, and stop everything at the end of the block."""
    temporal, ui = _quiet_ports(2)
    settings = Settings(data_dir=folder / "data", temporal_port=temporal, ui_port=ui, log_level="warning")
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    async with embedded_stack(settings) as stack:
        await asyncio.to_thread(schemas.migrate, stack.database_url)
        client = await connect(settings, address=stack.temporal_address, runtime=build_runtime(settings))
        await bind_database(client, stack.database_url)
        async with (
            await Database.open(_with_application_name(stack.database_url), size=20) as db,
            crew(stack, folder, WORKERS, hasty=hasty) as members,
        ):
            await demo_articles.load(db)
            await schedule_reconciler(client, SECONDS_BETWEEN_ROUNDS)
            await _wait_until_ready(members)
            yield ChaosSystem(folder, settings, stack, client, db, members)


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
