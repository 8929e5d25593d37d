"""The databases of a system as one, for the checks that compare what several services hold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.sql import SQL, Identifier

from models.participants import OWNERS
from postgres.database import Database
from runtime.databases import DatabaseUrls
from services.schemas import names_of
from tests.conservation import assert_conserved
from tests.servers import new_database
from tests.systems import System

_TABLES = "select schemaname, tablename from pg_tables where schemaname = any(%s) and tablename <> 'schema_version'"


async def assert_all_conserved(system: System) -> None:
    """Check stock, ledger and the external systems' entries of a system at rest, across its databases."""
    async with gathered(system.stack.database_url, system.urls) as db:
        await assert_conserved(db)


@asynccontextmanager
async def gathered(server: str, urls: DatabaseUrls) -> AsyncIterator[Database]:
    """Yield a database on a server with a copy of all tables of a system's databases, which is at rest."""
    url = await asyncio.to_thread(_copied, server, urls)
    async with await Database.open(url, size=1) as db:
        yield db


def _copied(server: str, urls: DatabaseUrls) -> str:
    url = new_database(server)
    with psycopg.connect(url, autocommit=True) as into:
        into.execute("set session_replication_role = replica")  # without the checks of foreign keys
        for owner in OWNERS:
            names = names_of([owner]) - {"installation"}
            with psycopg.connect(urls.of(owner)) as source:
                for table in source.execute(_TABLES, [list(names)]).fetchall():
                    _copy(source, into, Identifier(*table))
    return url


def _copy(source: psycopg.Connection, into: psycopg.Connection, table: Identifier) -> None:
    into.execute(SQL("delete from {}").format(table))  # a truncation would also empty the tables that refer to this one
    with (
        source.cursor().copy(SQL("copy {} to stdout").format(table)) as rows,
        into.cursor().copy(SQL("copy {} from stdin").format(table)) as copied,
    ):
        for row in rows:
            copied.write(row)
