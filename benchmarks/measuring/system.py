"""The product's servers and a starter, which run while workers start and stop."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client

from benchmarks.contestants.contestant import Running
from benchmarks.contestants.on_temporal import SECONDS_TO_STOP, Ours, program, tuned_server
from benchmarks.measuring import stage
from benchmarks.measuring.driver import Driver, Event, RunFailed, begin, tail
from benchmarks.measuring.stage import BenchStage
from benchmarks.measuring.turns import watched
from client.installation import bind_database
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded import processes
from runtime.settings import PROJECT, Settings

WORKER = (PROJECT / "worker.py",)
Found = TypeVar("Found")
Taken = tuple[Event, dict[str, float]]
CLOSED = b"select count(*) from orders.orders where closed_at is not null"


@dataclass
class BenchSystem:
    """A running system: the address of the server, the database, the starter, and the worker while there is one.

    `completed` counts the placed orders that must complete.
    """

    ours: Ours
    stage: BenchStage
    address: str
    db: Database
    client: Client
    running: Running
    completed: int = 0
    _worker: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """The folder of the server's state and of all logs."""
        return self.stage.of(self.ours.name)

    def start_worker(self, program: Sequence[object] = WORKER) -> None:
        """Start a worker, by default `worker.py`; return before the worker is ready."""
        own = {"DATABASE_URL": self.stage.database(self.ours.database), "TEMPORAL_ADDRESS": self.address}
        self._worker = begin([sys.executable, *program], self.folder / "worker.log", own)
        self.running.roles["worker"] = [self._worker.pid]

    def stop_worker(self) -> None:
        """Stop the worker gracefully; raise RunFailed when it ended before."""
        self.check_worker()
        self.end_worker()

    def check_worker(self) -> None:
        """Raise RunFailed when the worker has ended unexpectedly."""
        if self._worker and self._worker.poll() is not None:
            log = self.folder / "worker.log"
            raise RunFailed(f"the worker has ended unexpectedly; see {log}\n{tail(log)}")

    def end_worker(self) -> None:
        """Stop the worker, if there is one, in any state."""
        if self._worker:
            processes.stop(self._worker, signal.SIGTERM, time.monotonic() + SECONDS_TO_STOP)
            self._worker = None
            self.running.roles.pop("worker", None)

    async def run(self, prefix: str, kind: str, in_flight: int, warm: float, seconds: float) -> Taken:
        """Place orders for `seconds`; return the event `done`, and the CPU seconds of each role."""
        self.running.driver.send("run", prefix=prefix, kind=kind, in_flight=in_flight, warm=warm, seconds=seconds)
        taking = asyncio.create_task(watched(self.running))
        try:
            while not taking.done():
                self.check_worker()
                await asyncio.wait([taking], timeout=1)
            done, used = taking.result()
        finally:
            taking.cancel()
        self.completed += done["placed"] if kind == "ok" else 0
        return done, used

    def check(self) -> None:
        """Raise RunFailed unless the database contains each order that must complete exactly once."""
        self.ours.check(self.stage, self.completed)

    async def closed(self) -> int:
        """Return how many orders are closed."""
        row = await self.db.row(CLOSED, {})
        return int(row[0]) if row else 0


@asynccontextmanager
async def held(ours: Ours, order: Mapping[str, Any]) -> AsyncIterator[BenchSystem]:
    """Run everything except a worker; `order` are additional fields of each order."""
    async with stage.opened() as opened:
        await ours.prepare(opened)
        folder, database = opened.of(ours.name), opened.database(ours.database)
        async with tuned_server(folder) as (address, server), await Database.open(database, size=1) as db:
            command = program("ours", address, database)
            command += ["--order", json.dumps(dict(order)), "--starter-only"]
            client = await connect(Settings(database_url=database), address=address)
            await bind_database(client, database)
            driver = await Driver.start(command, folder / "starter.log")
            roles = {"server": [server], "client": [driver.pid], "postgres": [opened.postgres_pid]}
            system = BenchSystem(ours, opened, address, db, client, Running(driver, roles, no_crash))
            try:
                yield system
            finally:
                system.end_worker()
                await driver.stop()


async def no_crash() -> None:
    """Refuse: workers stop gracefully here, and none is killed."""
    raise RunFailed("no worker is killed here")


def carry_out(run: Coroutine[Any, Any, Found], as_text: Callable[[Found], str], file: Path | None) -> None:
    """Measure, write everything to `file` if given, and print it as text."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the servers and removes their folder
    try:
        found = asyncio.run(run)
    except RunFailed as error:
        sys.exit(f"this run is void: {error}")
    if file:
        file.write_text(json.dumps(found, indent=1) + "\n")
    print(as_text(found))
