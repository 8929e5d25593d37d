"""The parts that all systems of a run share: a folder on disk, and one PostgreSQL with a database for each."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.measuring.driver import RunFailed, tail
from runtime.embedded import processes
from runtime.embedded.postgres import Postgres
from runtime.embedded.record import Layout
from runtime.settings import PROJECT

SECONDS_TO_START, SECONDS_TO_STOP = 60.0, 20.0
HERE = Path(__file__).parents[1]
PEERS = PROJECT / ".peers"


class BenchStage:
    """One run's folder and PostgreSQL."""

    def __init__(self, folder: Path, postgres: Postgres, server: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._postgres, self._server = postgres, server

    @property
    def postgres_pid(self) -> int:
        """The parent process of PostgreSQL."""
        return self._server.pid

    def of(self, name: str) -> Path:
        """Return the folder of one system, with the state of its server."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def database(self, name: str) -> str:
        """Return the address of a system's database, created at the first call."""
        with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
                connection.execute(SQL("create database {}").format(Identifier(name)))
        return self._postgres.url(name)

    def rows(self, name: str, query: bytes) -> list[tuple[Any, ...]]:
        """Run a statement in a system's database, and return its rows."""
        with psycopg.connect(self.database(name), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def opened() -> AsyncIterator[BenchStage]:
    """Yield a stage on the project's disk, since a file system in memory would make every commit cheap."""
    place = PROJECT / ".data"
    place.mkdir(exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place, ignore_cleanup_errors=True) as folder:
        layout = Layout(Path(folder) / "postgres-18")
        layout.root.mkdir(mode=0o711)
        postgres = Postgres(layout)
        await asyncio.to_thread(postgres.create)
        server = postgres.start()
        try:
            await until(postgres.is_ready, server, layout.postgres_log)
            yield BenchStage(Path(folder), postgres, server)
        finally:
            end(server)
            postgres.forget_socket_dir()


async def until(ready: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; raise RunFailed when it ends or takes too long."""
    deadline = time.monotonic() + SECONDS_TO_START
    while not await asyncio.to_thread(ready):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RunFailed(f"a server did not start; see {log}\n{tail(log)}")
        await asyncio.sleep(0.05)


def end(server: subprocess.Popen[bytes]) -> None:
    """Stop a server gracefully."""
    processes.stop(server, Postgres.stop_signal, time.monotonic() + SECONDS_TO_STOP)
