"""The services apart: each with a PostgreSQL server, a database and a worker of its own."""

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.participants import OWNERS, SERVICES, Owner, Service
from runtime.databases import DatabaseUrls
from runtime.embedded.postgres import Postgres
from runtime.embedded.record import Layout
from runtime.embedded.stack import Stack
from runtime.settings import Settings
from serving.participants import participants_worker
from tests.servers import make_template, with_empty_cluster
from tests.systems import System, open_apart
from worker import orders_worker

SECONDS_TO_START = 60.0


class Server:
    """A PostgreSQL server of one service, which a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._postgres = Postgres(Layout(folder))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        return self._postgres.url()

    async def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._process = await asyncio.to_thread(self._postgres.start)
        async with asyncio.timeout(SECONDS_TO_START):
            while not await asyncio.to_thread(self._postgres.is_ready):
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, as a power cut would; it recovers at its next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop the server for good."""
        self.stop()
        self._postgres.forget_socket_dir()


@asynccontextmanager
async def server_for_each() -> AsyncIterator[dict[Service, Server]]:
    """Run a PostgreSQL server with the template of systems for each service besides the orders."""
    async with AsyncExitStack() as opened:
        servers: dict[Service, Server] = {}
        for service in SERVICES:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix=f"{service}-")))
            with_empty_cluster(Settings(data_dir=folder))
            servers[service] = Server(folder)
            opened.callback(servers[service].remove)
        for server in servers.values():
            await server.start()
            await asyncio.to_thread(make_template, server.url)
        yield servers


@dataclass(frozen=True)
class Apart:
    """A system whose services are apart, and the servers of their databases."""

    system: System
    servers: Mapping[Service, Server]

    def known_to(self, owner: Owner) -> DatabaseUrls:
        """Return the addresses that a worker of one service knows: its own."""
        known = {other: self.system.urls.known(other) if other == owner else None for other in OWNERS}
        return DatabaseUrls(**known, named=frozenset({owner}))

    @asynccontextmanager
    async def working(self, owner: Owner) -> AsyncIterator[None]:
        """Run a worker of the orders, or of one service, which knows nothing of the others, during the block."""
        settings = self.system.settings.model_copy(update={"apart": SERVICES})
        client, urls = self.system.client, self.known_to(owner)
        worker: Any = (
            orders_worker(client, urls, settings)
            if owner == "orders"
            else participants_worker(client, urls, settings, served=(owner,))
        )
        async with worker:
            yield


@asynccontextmanager
async def open_on_four_servers(stack: Stack, **changes: Any) -> AsyncIterator[Apart]:
    """Yield a system without workers, with each service's database on a server of its own."""
    async with (
        server_for_each() as servers,
        open_apart(stack, {name: server.url for name, server in servers.items()}, **changes) as system,
    ):
        yield Apart(system, servers)
