"""The servers that the processes of a test run share: one Temporal and one PostgreSQL, started by the first that asks.

Each system under test has a namespace and a database of its own on them, so that tests of different processes never
meet. What kills, freezes or configures a server brings its own, by `own_stack`.
"""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
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
from runtime.embedded.stack import Stack, embedded_stack
from runtime.search_attributes import create_search_attributes
from runtime.settings import Settings
from services import demo_articles, schemas

# Where the data of the run's servers are and their ports, in the environment of every process of the run.
FOLDER, PORTS = "TEST_RUN_FOLDER", "TEST_RUN_PORTS"
TEMPLATE = "template_of_systems"


@contextmanager
def run_folder() -> Iterator[None]:
    """Name the folder and the ports of the run's servers, and remove the folder after the run.

    Not below pytest's own folder: another run of pytest on this machine closes that to PostgreSQL's user.
    """
    with tempfile.TemporaryDirectory(prefix="orders-run-") as folder:
        os.environ[FOLDER], os.environ[PORTS] = folder, " ".join(map(str, free_ports(2)))
        yield


@asynccontextmanager
async def shared_stack() -> AsyncIterator[Stack]:
    """Hold the run's servers."""
    temporal, ui = map(int, os.environ[PORTS].split())
    settings = Settings(data_dir=Path(os.environ[FOLDER]) / "data", temporal_port=temporal, ui_port=ui)
    async with started(settings) as stack:
        yield stack


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Stack]:
    """Hold servers on which systems can be opened."""
    async with embedded_stack(settings) as stack:
        await asyncio.to_thread(_make_template, stack.database_url)
        yield stack


@contextmanager
def own_stack(**changes: Any) -> Iterator[Settings]:
    """Yield settings of servers that a test has for itself, which it starts with `embedded_stack` or `started`."""
    with tempfile.TemporaryDirectory(prefix="orders-") as folder:
        temporal, ui = free_ports(2)
        yield Settings(data_dir=Path(folder) / "data", temporal_port=temporal, ui_port=ui, log_level="error", **changes)


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that no process listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


async def new_namespace(stack: Stack, days: int = 3) -> Client:
    """Return a client of a new namespace that has the search attributes and keeps what has ended for so long."""
    client = await connect(Settings(), address=stack.temporal_address)
    name = f"test-{uuid4().hex[:12]}"
    retention = Duration(seconds=days * 24 * 3600)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await client.workflow_service.register_namespace(request)
    namespaced = Client(client.service_client, namespace=name, data_converter=DATA_CONVERTER)
    await create_search_attributes(namespaced)
    return namespaced


def new_database(url: str, template: str = TEMPLATE) -> str:
    """Return the address of a new database on the server at `url`: migrated and with the demo catalogue."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(template)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _make_template(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(1)")  # the first makes it, the others wait
        if connection.execute("select 1 from pg_database where datname = %s", [TEMPLATE]).fetchone():
            return
        # Quick, because nothing of a test run need outlive a power cut.
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
