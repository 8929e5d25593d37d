"""The PostgreSQL servers of the services apart: a server that dies is started again, as by its keeper."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from models.participants import SERVICES, Owner
from runtime.embedded.postgres import Postgres
from runtime.embedded.record import Layout

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_START = 60.0


class KeptServer:
    """A server, in a folder of its own, that is restarted whenever it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o711)
        self._postgres = Postgres(Layout(folder))
        self._postgres.create()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the server's database."""
        return self._postgres.url()

    @property
    def pid(self) -> int:
        """The process id of the server; 0 while it is down."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    async def keep(self) -> None:
        """Start the server, and start it again whenever it ends, until cancelled."""
        while True:
            if not self.pid:
                self._process = await asyncio.to_thread(self._postgres.start)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def ready(self) -> None:
        """Wait until the server answers, and create its database."""
        async with asyncio.timeout(SECONDS_TO_START):
            while not await asyncio.to_thread(self._postgres.is_ready):
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def end(self) -> None:
        """Stop the server for good."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._postgres.forget_socket_dir()


@asynccontextmanager
async def kept_servers(folder: Path) -> AsyncIterator[dict[Owner, KeptServer]]:
    """Run a server for each service besides the orders during the block."""
    servers: dict[Owner, KeptServer] = {service: KeptServer(folder / f"{service}-data") for service in SERVICES}
    async with AsyncExitStack() as opened:
        for server in servers.values():
            opened.callback(server.end)
        keepers = [asyncio.create_task(server.keep()) for server in servers.values()]
        try:
            for server in servers.values():
                await server.ready()
            yield servers
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
