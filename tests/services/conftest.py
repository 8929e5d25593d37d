"""A database for the session, its tables emptied for each test."""

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
    """A new database without anything in it."""
    return new_database(servers.database_url, "template1")


@pytest.fixture(scope="session")
def migrated(servers: Stack) -> str:
    """A migrated database."""
    return new_database(servers.database_url)


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
