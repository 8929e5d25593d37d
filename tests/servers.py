"""The servers that the processes of a test run share: one Temporal and one PostgreSQL, started by the first process.

Each system under test has its own namespace and database, so that tests of different processes don't interfere.
A test that kills, freezes or configures a server starts its own servers, with the settings of `own_stack`.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from google.protobuf.duration_pb2 import Duration
from psycopg.sql import SQL, Identifier
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from postgres.database import Database
from runtime.connection import connect
from runtime.converter import DATA_CONVERTER
from runtime.embedded.postgres import Postgres
from runtime.embedded.record import Layout
from runtime.embedded.stack import Stack, embedded_stack
from runtime.search_attributes import create_search_attributes
from runtime.settings import Settings
from services import demo_articles, schemas

# Environment variables of every process of the run: the folder with the servers' data, and the servers' ports.
FOLDER, PORTS = "TEST_RUN_FOLDER", "TEST_RUN_PORTS"
TEMPLATE = "template_of_systems"
# With less free memory than this many bytes the data stay on disk.
ROOM = 8 * 1024**3


@contextmanager
def run_folder() -> Iterator[None]:
    """Choose the folder and the ports of the run's servers, and remove the folder after the run.

    The folder is not below pytest's own: another run of pytest on the machine removes PostgreSQL's access to that.
    """
    memory = tempfile.TemporaryDirectory(prefix="orders-run-", dir=_memory())
    # Restored at the end: a test may run pytest inside its own process, whose folder is not that run's.
    with memory as folder, mock.patch.dict(os.environ):
        Path(folder).chmod(0o711)
        # Pytest's own folders stay on disk after the run, for a look at what failed.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        os.environ["TMPDIR"] = folder  # of the run's processes
        os.environ[FOLDER], os.environ[PORTS] = folder, " ".join(map(str, free_ports(2)))
        os.environ["GOGC"] = "400"  # the Temporal servers of a run collect garbage less often
        yield


def _memory() -> str | None:
    """Return a folder in memory with room for the data of a run, which need not be on disk; None without one."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder inside it gets a name of its own
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return str(memory) if has_room else None


def with_empty_cluster(settings: Settings) -> Settings:
    """Return settings whose data folder has a copy of the run's empty database cluster: creating one takes a second."""
    folder = Path(os.environ[FOLDER])
    layout = Layout(folder / "cluster")
    with (folder / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        layout.root.mkdir(exist_ok=True)
        Postgres(layout).create()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    paths = [str(layout.postgres_data), str(Layout(settings.data_dir).postgres_data)]
    subprocess.run(["cp", "-a", *paths], check=True)  # noqa: S607
    return settings


@asynccontextmanager
async def shared_stack() -> AsyncIterator[Stack]:
    """Yield the run's servers; the last process that leaves the block stops them."""
    temporal, ui = map(int, os.environ[PORTS].split())
    settings = Settings(data_dir=Path(os.environ[FOLDER]) / "data", temporal_port=temporal, ui_port=ui)
    async with started(settings) as stack:
        yield stack


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Stack]:
    """Yield servers with the template database, on which `open_system` can open systems."""
    async with embedded_stack(settings) as stack:
        await asyncio.to_thread(make_template, stack.database_url)
        yield stack


@contextmanager
def own_stack() -> Iterator[Settings]:
    """Yield settings of servers for one test, which starts them with `embedded_stack` or `started`."""
    with tempfile.TemporaryDirectory(prefix="orders-") as folder:
        temporal, ui = free_ports(2)
        settings = Settings(data_dir=Path(folder) / "data", temporal_port=temporal, ui_port=ui, log_level="error")
        yield with_empty_cluster(settings)


def free_ports(count: int) -> list[int]:
    """Return TCP ports that no process listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


async def new_namespace(stack: Stack, days: int = 3) -> Client:
    """Return a client of a new namespace with the search attributes; closed workflows are retained for `days`."""
    client = await connect(Settings(), address=stack.temporal_address)
    name = f"test-{uuid4().hex[:12]}"
    retention = Duration(seconds=days * 24 * 3600)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await client.workflow_service.register_namespace(request)
    namespaced = Client(client.service_client, namespace=name, data_converter=DATA_CONVERTER)
    await create_search_attributes(namespaced)
    return namespaced


def new_database(url: str, template: str = TEMPLATE, keep: Collection[str] | None = None) -> str:
    """Return the URL of a new database on the server at `url`, migrated and with the demo catalogue.

    With `keep`, it has only these of the schemas.
    """
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(template)))
    made = urlsplit(url)._replace(path=f"/{name}").geturl()
    if keep is not None:
        with psycopg.connect(made, autocommit=True) as connection:
            for schema in schemas.SCHEMAS:
                if schema.name not in keep:
                    connection.execute(SQL("drop schema {} cascade").format(Identifier(schema.name)))
    return made


def make_template(url: str) -> None:
    """Create the template database of a server, unless it exists."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(1)")  # one process creates the template, the others wait
        if connection.execute("select 1 from pg_database where datname = %s", [TEMPLATE]).fetchone():
            return
        # Faster; the data of a test run need not survive a power failure.
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
        draft = new_database(url, "template1")
        schemas.migrate(draft)
        asyncio.run(_load_articles(draft))
        made = psycopg.conninfo.conninfo_to_dict(draft)["dbname"]
        connection.execute(SQL("alter database {} rename to {}").format(Identifier(str(made)), Identifier(TEMPLATE)))


async def _load_articles(url: str) -> None:
    async with await Database.open(url, size=1) as database:
        await demo_articles.load(database)
