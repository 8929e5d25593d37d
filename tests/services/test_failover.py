"""A database whose server becomes read-only, or ends every connection, and comes back."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from messaging.outbox.listener import OutboxListener
from models.errors import NotBegun, Unavailable
from postgres.connection import connection_string
from postgres.database import Database
from postgres.pool import POOL_WAIT_SECONDS
from postgres.unit_of_work import unit_of_work

WRITE = b"create temp table if not exists written (n int)"
EVERYBODY = (
    b"select pg_terminate_backend(pid, 2000) from pg_stat_activity"
    b" where datname = current_database() and pid <> pg_backend_pid()"
)


def _set_read_only(url: str, value: str) -> None:
    """Change what new sessions of the database may do, as a failover does: living sessions keep their state."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = Identifier(str(conninfo_to_dict(url)["dbname"]))
        connection.execute("set default_transaction_read_only = off")
        connection.execute(SQL("alter database {} set default_transaction_read_only = {}").format(name, SQL(value)))


def _end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EVERYBODY)


@pytest.fixture
async def stale(empty_url: str) -> AsyncIterator[Database]:
    """Yield a pool of four read-only connections, on a database that is writable again."""
    url = f"{empty_url}&target_session_attrs=any"
    _set_read_only(empty_url, "on")
    async with await Database.open(url, size=4) as db:
        await asyncio.gather(*(db.row(b"select pg_sleep(0.1)", {}) for _ in range(8)))
        _set_read_only(empty_url, "off")
        yield db


async def test_one_failure_at_most_for_each_connection_in_use_after_a_failover(stale: Database) -> None:
    with pytest.raises(NotBegun, match="read-only transaction"):
        await stale.rows(WRITE)

    await asyncio.gather(*(stale.rows(WRITE) for _ in range(12)))


async def test_connections_in_use_at_the_failover_are_replaced_when_they_return(stale: Database) -> None:
    async def write_later() -> None:
        async with stale.transaction() as connection:
            await asyncio.sleep(0.1)
            await connection.execute(WRITE)

    first = await asyncio.gather(*(write_later() for _ in range(4)), return_exceptions=True)
    assert all(isinstance(each, NotBegun) for each in first)

    await asyncio.gather(*(stale.rows(WRITE) for _ in range(12)))


async def test_a_pipeline_on_a_read_only_connection_replaces_the_siblings_too(stale: Database) -> None:
    with pytest.raises(NotBegun):
        async with stale.pipeline() as pipeline:
            await (await pipeline.send(WRITE, {})).row()

    await asyncio.gather(*(stale.rows(WRITE) for _ in range(12)))


async def test_a_unit_of_work_never_claims_that_nothing_was_begun(stale: Database) -> None:
    with pytest.raises(Unavailable) as caught:
        async with unit_of_work(stale) as unit:
            await unit.rows(WRITE)

    assert type(caught.value) is Unavailable


async def test_a_read_only_server_is_reported_before_anything_is_begun(empty_url: str) -> None:
    _set_read_only(empty_url, "on")

    with pytest.raises(NotBegun, match=r"^database: [^\n]*session is read-only"):
        await Database.open(empty_url)


def test_an_address_keeps_its_hosts_and_options() -> None:
    options = "target_session_attrs=primary&sslmode=verify-full&options=-c%20search_path%3Dx"
    parts = conninfo_to_dict(connection_string(f"postgresql://postgres@first,second:5433/orders?{options}"))

    assert (parts["host"], parts["port"]) == ("first,second", ",5433")
    assert (parts["target_session_attrs"], parts["sslmode"]) == ("primary", "verify-full")
    assert str(parts["options"]).startswith("-c search_path=x -c ")


def test_an_address_without_a_choice_of_servers_means_a_writable_one() -> None:
    parts = conninfo_to_dict(connection_string("postgresql://first,second/orders"))

    assert parts["target_session_attrs"] == "read-write"


async def test_the_pool_tries_to_connect_no_longer_than_a_request_waits(empty_url: str) -> None:
    # The pauses between the attempts grow up to this time: with the library's five minutes, the pool of a server that
    # came back after three minutes served again only a minute later.
    async with await Database.open(empty_url, size=1) as db:
        assert db._pool.reconnect_timeout <= POOL_WAIT_SECONDS


async def test_a_missing_host_beside_the_right_one_is_skipped(empty_url: str) -> None:
    parts = conninfo_to_dict(empty_url)
    hosts = f"/nowhere%2Fat%2Fall,{parts['host']}".replace("/", "%2F")
    url = f"postgresql://postgres@/{parts['dbname']}?host={hosts}&port={parts['port']},{parts['port']}"

    async with await Database.open(url, size=2) as db:
        assert await db.row(b"select 1", {}) == (1,)


async def test_every_session_ended_by_an_operator_costs_one_failure_at_most(empty_url: str) -> None:
    async with await Database.open(empty_url, size=4) as db:
        await asyncio.gather(*(db.row(b"select pg_sleep(0.1)", {}) for _ in range(8)))
        _end_sessions(empty_url)
        failed = await asyncio.gather(*(db.rows(WRITE) for _ in range(4)), return_exceptions=True)
        assert all(each == [] or isinstance(each, Unavailable) for each in failed)

        await asyncio.gather(*(db.rows(WRITE) for _ in range(12)))


@pytest.mark.parametrize(
    "change",
    ["deallocate all", "alter table changing alter column n type bigint"],
    ids=["forgotten", "migrated"],
)
async def test_a_connection_whose_prepared_statements_are_void_is_replaced(change: str, empty_url: str) -> None:
    read = b"select n from changing"
    async with await Database.open(empty_url, size=1) as db:
        await db.rows(b"create table changing (n int)")
        await db.rows(read)
        # Hidden in a block, so that psycopg doesn't notice it: as when a pooler or another connection does it.
        await db.rows(f"do $$ begin execute '{change}'; end $$".encode())

        with pytest.raises(Unavailable):
            await db.rows(read)

        assert await db.rows(read) == []


async def test_the_listener_connects_again_after_its_session_was_ended(empty_url: str) -> None:
    listener = OutboxListener(empty_url)
    await listener.wait(0.01)
    _end_sessions(empty_url)
    await listener.wait(0.01)

    waiting = asyncio.create_task(listener.wait(60))
    with psycopg.connect(empty_url, autocommit=True) as connection:
        while not waiting.done():
            connection.execute("notify outbox")
            await asyncio.sleep(0.01)
    await listener.close()


async def test_the_listener_waits_out_a_read_only_server(empty_url: str) -> None:
    _set_read_only(empty_url, "on")
    listener = OutboxListener(empty_url)

    await listener.wait(0.01)  # raises nothing
    await listener.close()


@pytest.mark.parametrize(
    "variable", ["PGCLIENTENCODING=LATIN1", "PGDATESTYLE=German, DMY", "PGOPTIONS=-c lock_timeout=1"]
)
async def test_variables_of_libpq_change_neither_texts_nor_times(
    variable: str, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, text = variable.partition("=")
    monkeypatch.setenv(name, text)

    async with await Database.open(empty_url, size=2) as db:
        row = await db.row(
            b"select %(t)s::text, timestamptz '2026-02-01 00:00Z' = %(at)s, now(), chr(8364)",
            {"t": "č", "at": "2026-02-01T00:00:00Z"},
        )
        assert row is not None
        assert (row[0], row[1], row[3]) == ("č", True, "€")
        assert await db.row(b"show lock_timeout", {}) == ("3s",)
