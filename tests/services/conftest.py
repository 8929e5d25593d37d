"""A migrated database for the session, whose tables are emptied before each test."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from postgres.database import Database
from postgres.migrations import VERSION_TABLE
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier
from runtime.embedded.stack import Stack
from services import demo_articles, schemas
from tests.conservation import assert_conserved
from tests.servers import new_database
from tests.services.shop import Shop


@pytest.fixture
def empty_url(servers: Stack) -> str:
    """Return the URL of a new, empty database."""
    return new_database(servers.database_url, "template1")


@pytest.fixture(scope="session")
def migrated(servers: Stack) -> str:
    """Return the URL of a migrated database."""
    return new_database(servers.database_url)


@pytest.fixture
def url(migrated: str) -> str:
    """Return the URL of a migrated database whose tables are empty."""
    with psycopg.connect(migrated) as connection:
        # A trigger forbids truncating the ledger; only a superuser can disable triggers with this setting.
        connection.execute("set local session_replication_role = replica")
        connection.execute("set local lock_timeout = '5s'")
        connection.execute(f"truncate {', '.join(_tables(connection))}".encode())
    return migrated


def _tables(connection: psycopg.Connection) -> list[str]:
    """Return every table of the services and of the simulated external systems."""
    query = "select schemaname || '.' || tablename from pg_tables where schemaname = any(%s) and tablename <> %s"
    names = [schema.name for schema in schemas.SCHEMAS]
    return [name for (name,) in connection.execute(query, [names, VERSION_TABLE]).fetchall()]


@pytest_asyncio.fixture
async def db(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url, size=10) as database:
        await demo_articles.load(database)
        yield database


@pytest_asyncio.fixture
async def unchecked_shop(db: Database, url: str) -> AsyncIterator[Shop]:
    async with await Database.open(url, size=3) as card_db, await Database.open(url, size=3) as carrier_db:
        yield Shop(db, SimulatedCardProvider(card_db), SimulatedCarrier(carrier_db))


@pytest_asyncio.fixture
async def shop(unchecked_shop: Shop) -> AsyncIterator[Shop]:
    """Yield a shop, and check conservation after the test."""
    yield unchecked_shop
    await assert_conserved(unchecked_shop.db)
