"""A post of the crew: its current process, command, environment and two links."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from models.participants import OWNERS, SERVICES, Owner
from runtime.databases import DatabaseUrls
from runtime.embedded.processes import _bound_to
from runtime.embedded.stack import Stack
from runtime.settings import PROJECT
from tests.faults.chaos.strikes.proxy import ANSWER, ANYTHING, LOOPBACK, Link

DRAIN_SECONDS = 10
# Special settings: one worker has few connections, one runs its workflows in the sandbox; the latter without the
# shortened policies, since the sandbox would import the original ones.
SANDBOXED = "worker-1"
FEW = {"ORDERS_DATABASE_POOL": "3"}
ODD = {SANDBOXED: {"ORDERS_WORKFLOW_SANDBOX": "true"}, "worker-3": FEW, "payments-1": FEW}


@dataclass(frozen=True)
class Places:
    """The addresses of Temporal and of the services' databases; with `apart`, each process knows only its own."""

    temporal: str
    databases: Mapping[Owner, str]
    apart: bool

    @property
    def urls(self) -> DatabaseUrls:
        """The addresses of the databases, as the product has them."""
        orders, inventory, payments, shipping = (self.databases[owner] for owner in OWNERS)
        return DatabaseUrls(orders, inventory, payments, shipping)

    @classmethod
    def of(cls, stack: Stack) -> "Places":
        """Return the places of a stack, in whose database all services are."""
        return cls(stack.temporal_address, dict.fromkeys(OWNERS, stack.database_url), apart=False)


@dataclass(eq=False)
class Post:
    """A post of the crew and its current process; the two links stay when the process is replaced."""

    name: str
    command: list[str]
    environ: dict[str, str]
    log: Path
    database: Link
    temporal: Link
    process: subprocess.Popen[bytes] | None = None
    struck: bool = False
    started: float = 0.0

    def start(self) -> None:
        """Start the process; the kernel kills it when this process dies."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                cwd=PROJECT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Ctrl-C in the terminal must reach only the supervisor.
                start_new_session=True,
                preexec_fn=_bound_to(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - it only calls prctl
            )
        self.struck, self.started = False, time.monotonic()

    @property
    def owner(self) -> Owner:
        """The service in whose database the process works."""
        return _owner(self.name)

    @property
    def pid(self) -> int:
        """The process id; 0 without a running process."""
        return self.process.pid if self.process and self.process.poll() is None else 0

    @property
    def there(self) -> bool:
        """Whether the process runs and has its connections, which a worker opens last."""
        return bool(self.pid and self.database.conversations and self.temporal.conversations)

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self.process and self.process.poll() is None:
            self.struck |= signum in {signal.SIGKILL, signal.SIGTERM}
            self.process.send_signal(signum)


@asynccontextmanager
async def post_of(name: str, places: Places, folder: Path, *, hasty: bool) -> AsyncIterator[Post]:
    """Open a post for the length of the block, without a process yet; a name with `relay` makes a relay."""
    url = places.databases[_owner(name)]
    database = Link(f"{name} ↔ database", lambda: to_database(url), ANSWER)
    temporal = Link(f"{name} ↔ temporal", lambda: _to_temporal(places.temporal), ANYTHING)
    async with database.open(), temporal.open():
        odd = {} if hasty and name == SANDBOXED else ODD.get(name, {})
        environ = _environ(database, temporal, name, places) | odd
        yield Post(name, _command(name, hasty=hasty), environ, folder / f"{name}.log", database, temporal)


def _command(name: str, *, hasty: bool) -> list[str]:
    program = ["-m", "tests.faults.chaos.processes.hasty_worker"] if hasty else ["worker.py"]
    kind = name.partition("-")[0]
    serve = ["--serve", kind] if kind in SERVICES else []
    return [sys.executable, *program, *(["--relay-only"] if kind == "relay" else serve)]


def _owner(name: str) -> Owner:
    """Return the service whose worker a post has; that of a relay is the orders."""
    return next((service for service in SERVICES if name.startswith(service)), OWNERS[0])


def clean_environ() -> dict[str, str]:
    """Return this process's environment without the variables that would configure a worker."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("ORDERS_", "TEMPORAL_", "DATABASE_", "PG"))
    }


def _environ(database: Link, temporal: Link, name: str, places: Places) -> dict[str, str]:
    options = f"sslmode=disable&gssencmode=disable&application_name={name}"
    owner = _owner(name)
    inside = conninfo_to_dict(places.databases[owner])["dbname"]
    apart = {"ORDERS_APART": ",".join(SERVICES)} if places.apart else {}
    variable = f"DATABASE_URL_{owner.upper()}" if places.apart else "DATABASE_URL"
    return {
        **clean_environ(),
        **apart,
        variable: f"postgresql://postgres@{LOOPBACK}:{database.port}/{inside}?{options}",
        "TEMPORAL_ADDRESS": f"{LOOPBACK}:{temporal.port}",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        # A process that does not stop prints its stacks at SIGABRT.
        "PYTHONFAULTHANDLER": "1",
        "ORDERS_LOG_LEVEL": "warning",
        "ORDERS_LOG_FORMAT": "json",
        "ORDERS_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }


async def _to_temporal(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    return await asyncio.open_connection(host, int(port))


async def to_database(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a PostgreSQL that listens on a socket file only."""
    options = conninfo_to_dict(url)
    return await asyncio.open_unix_connection(f"{options['host']}/.s.PGSQL.{options['port']}")
