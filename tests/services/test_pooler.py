"""The services' database through PgBouncer, in each of its modes."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from messaging.outbox.listener import OutboxListener
from models.errors import Unavailable
from postgres.database import Database
from postgres.routes import route_to
from services import demo_articles, schemas
from tests.pgbouncer import NEEDED, bouncing

pytestmark = NEEDED
LIMITS = {
    "statement_timeout": "4s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "20s",
    "random_page_cost": "1.1",
}
# Of this database only: other tests migrate theirs at the same time.
ADVISORY_LOCKS = """
select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
where locktype = 'advisory' and datname = current_database()
"""
MODES = [
    {"pool_mode": "session"},
    {"pool_mode": "session", "ignore_startup_parameters": "options"},
    {"pool_mode": "transaction"},
    {"pool_mode": "transaction", "ignore_startup_parameters": "options"},
]


@pytest.fixture(params=MODES, ids=lambda mode: "-".join(mode.values()))
def pooled(request: pytest.FixtureRequest, empty_url: str) -> Iterator[str]:
    with bouncing(empty_url, **request.param) as url:
        yield url


async def test_every_statement_has_the_time_limits(pooled: str) -> None:
    async with await Database.open(pooled, size=3) as db:
        for name, text in LIMITS.items():
            assert await db.row(f"show {name}".encode(), {}) == (text,)
            async with db.transaction() as connection:
                assert await db.row(f"show {name}".encode(), {}, connection) == (text,)
            async with db.pipeline() as pipeline:
                assert await (await pipeline.send(f"show {name}".encode(), {})).row() == (text,)
        with pytest.raises(Unavailable, match="statement timeout"):
            await db.rows(b"select pg_sleep(60)")


async def test_no_limit_stays_behind_on_the_server(pooled: str, empty_url: str) -> None:
    async with await Database.open(pooled, size=3) as db:
        await asyncio.gather(*(db.row(b"select pg_sleep(0.01)", {}) for _ in range(10)))

    with psycopg.connect(pooled, autocommit=True) as other:
        assert other.execute("show statement_timeout").fetchone() == ("0",)


async def test_a_database_is_migrated_and_used(pooled: str, empty_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(schemas.migrate, pooled) for _ in range(3)))
    await asyncio.to_thread(schemas.check, pooled)
    async with await Database.open(pooled, size=4) as db:
        await demo_articles.load(db)
        # More often than psycopg needs to prepare a statement.
        rows = await asyncio.gather(
            *(db.row(b"select count(*), %(n)s::int from orders.catalogue", {"n": n}) for n in range(40))
        )

    assert [row[1] for row in rows if row] == list(range(40))
    with psycopg.connect(empty_url) as connection:
        kept = connection.execute(ADVISORY_LOCKS).fetchone()
        assert kept == (0,)


async def test_a_read_only_transaction_is_unavailable_and_the_pool_serves_on(pooled: str) -> None:
    async with await Database.open(pooled, size=2) as db:

        async def write() -> None:
            async with db.transaction() as connection:
                await db.rows(b"set local transaction_read_only = on", None, connection)
                await db.rows(b"create table t (n int)", None, connection)

        with pytest.raises(Unavailable):
            await write()
        await db.rows(b"create table t (n int)")


async def test_the_listener_only_waits(pooled: str) -> None:
    listener = OutboxListener(pooled)
    for _ in range(3):
        await asyncio.wait_for(listener.wait(0.01), 30)
    assert listener._connection is None


async def test_statement_pooling_is_refused_with_its_reason(empty_url: str) -> None:
    with (
        bouncing(empty_url, pool_mode="statement") as url,
        pytest.raises(Unavailable, match="statement pooling") as caught,
    ):
        await Database.open(url)

    assert "\n" not in str(caught.value)


def test_the_route_is_found_without_and_with_a_pooler(pooled: str, empty_url: str) -> None:
    assert not route_to(empty_url).is_pooled
    assert route_to(pooled).is_pooled
