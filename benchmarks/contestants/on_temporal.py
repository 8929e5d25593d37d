"""The systems on a Temporal server: the product, the floor, and a saga by hand with all defaults."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client

from benchmarks.contestants.contestant import Contestant, Running
from benchmarks.contestants.up import apart, together
from benchmarks.measuring.driver import begin
from benchmarks.measuring.stage import HERE, BenchStage, until
from client.installation import bind_database
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded import processes
from runtime.embedded.ports import LOOPBACK, free_port, is_open
from runtime.embedded.record import Layout, Ports
from runtime.embedded.temporal import Temporal
from runtime.settings import PROJECT, Settings, variable
from services import demo_articles, schemas

RESTOCK = b"update inventory.stock set available = available + 100000000, received = received + 100000000"
OUR_BOOKS = b"""
select (select count(*) from shipping.parcels where recalled_at is null),
  (select sum(sold + reserved) from inventory.stock),
  (select count(*) filter (where kind = 'charge') - count(*) filter (where kind = 'refund') from payments.ledger)
"""
SECONDS_TO_STOP = 20.0


@asynccontextmanager
async def tuned_server(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Yield the address and the process id of the product's embedded server."""
    layout = Layout(folder)
    temporal = Temporal(layout, Ports(temporal=free_port(), ui=free_port()))
    server = temporal.start()
    try:
        await until(temporal.is_ready, server, layout.temporal_log)
        yield temporal.address, server.pid
    finally:
        stop(server)


@asynccontextmanager
async def default_server(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Yield the same of `temporal server start-dev` with its defaults and a file, for the same durability."""
    port, log = free_port(), folder / "temporal.log"
    command = [Path(sys.executable).parent / "temporal", "server", "start-dev", "--port", str(port)]
    command += ["--ui-port", str(free_port()), "--db-filename", folder / "temporal.db"]
    server = begin(command, log)
    try:
        await until(lambda: is_open(port), server, log)
        address = f"{LOOPBACK}:{port}"
        await answering(address)
        yield address, server.pid
    finally:
        stop(server)


async def answering(address: str) -> None:
    """Wait until the namespace of the worker exists."""
    async with asyncio.timeout(60):
        while True:
            try:
                client = await Client.connect(address)
                await client.count_workflows()
                return
            except RuntimeError:  # or RPCError: the server or the namespace is not ready
                await asyncio.sleep(0.1)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Stop a server gracefully."""
    processes.stop(server, signal.SIGTERM, time.monotonic() + SECONDS_TO_STOP)


def program(module: str, address: str, database: str) -> list[str | Path]:
    """Return the command of a program that places orders on a Temporal server and a database."""
    name = f"benchmarks.contestants.{module}"
    return [sys.executable, "-m", name, "--address", address, "--database", database]


@dataclass(frozen=True)
class Ours(Contestant):
    """The product: its workflow, its worker, its services."""

    settings: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    choreographed: bool = False
    # Worker processes apart from the starter's; with none, the starter is the worker.
    processes: int = 0

    @property
    def books(self) -> bytes:
        """The statement that counts parcels, stock gone, and charges left."""
        return OUR_BOOKS

    async def prepare(self, stage: BenchStage) -> None:
        """Migrate a database, and load its stock."""
        url = stage.database(self.database)
        await asyncio.to_thread(schemas.migrate, url)
        async with await Database.open(url, size=1) as db:
            await demo_articles.load(db)
            await db.rows(RESTOCK)

    @asynccontextmanager
    async def running(self, stage: BenchStage) -> AsyncIterator[Running]:
        """Run the tuned server, the product's worker and a starter."""
        folder, database = stage.of(self.name), stage.database(self.database)
        async with tuned_server(folder) as (address, server):
            await bind_database(await connect(Settings(database_url=database), address=address), database)
            starter = program("ours", address, database)
            starter += ["--settings", json.dumps(self.settings), "--order", json.dumps(self.order)]
            starter += ["--choreographed"] if self.choreographed else []
            roles = {"server": [server], "postgres": [stage.postgres_pid]}
            if self.processes:
                worker, starter = [sys.executable, PROJECT / "worker.py"], [*starter, "--starter-only"]
                env = {"DATABASE_URL": database, "TEMPORAL_ADDRESS": address} | self._environment()
                held = apart(worker, starter, folder, roles, env=env, count=self.processes)
            else:
                held = together(starter, folder / "starter.log", roles)
            async with held as running:
                yield running

    def _environment(self) -> dict[str, str]:
        return {variable(name): str(value) for name, value in self.settings.items()}


@dataclass(frozen=True)
class Floor(Contestant):
    """Three empty activities, on the tuned server and with the product worker's settings."""

    local: bool = False
    saga: bool = field(default=False, kw_only=True)

    async def prepare(self, stage: BenchStage) -> None:
        """Create a database, which stays empty."""
        stage.database(self.database)

    @asynccontextmanager
    async def running(self, stage: BenchStage) -> AsyncIterator[Running]:
        """Run the tuned server, and one process with worker and starter."""
        folder, database = stage.of(self.name), stage.database(self.database)
        async with tuned_server(folder) as (address, server):
            command = program("floor", address, database)
            command += ["--local"] if self.local else []
            roles = {"server": [server], "postgres": [stage.postgres_pid]}
            async with together(command, folder / "starter.log", roles) as running:
                yield running


@dataclass(frozen=True)
class ByHand(Contestant):
    """A saga as in Temporal's documentation, with every default."""

    @asynccontextmanager
    async def running(self, stage: BenchStage) -> AsyncIterator[Running]:
        """Run the development server, a worker, and a starter."""
        folder, database, code = stage.of(self.name), stage.database(self.database), HERE / "peers" / "by_hand"
        async with default_server(folder) as (address, server):
            roles = {"server": [server], "postgres": [stage.postgres_pid]}
            worker = [sys.executable, code / "worker.py", address, database]
            starter = [sys.executable, code / "starter.py", address]
            async with apart(worker, starter, folder, roles, env={}) as running:
                yield running
