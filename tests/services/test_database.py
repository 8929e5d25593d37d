"""The database access: pooling, transactions, time limits and the error messages."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from models.errors import InvalidInput, Unavailable
from postgres.database import Database
from services import demo_articles
from services.inventory.inventory import Inventory
from tests.services.races import held_stock
from tests.services.shop import AnyProcess, Shop


async def test_one_connection_serves_many_at_once(url: str) -> None:
    async with await Database.open(url, size=1) as db:
        rows = await asyncio.gather(*(db.row(b"select %(n)s::int", {"n": n}) for n in range(50)))

    assert rows == [(n,) for n in range(50)]


async def test_an_error_rolls_the_whole_transaction_back(db: Database) -> None:
    async def half_wrong() -> None:
        async with db.transaction() as connection:
            await db.rows(b"update orders.catalogue set price = 1", {}, connection)
            await db.rows(b"insert into orders.catalogue values ('SKU-1', 1, 'EUR')", {}, connection)

    with pytest.raises(psycopg.errors.UniqueViolation):
        await half_wrong()

    assert await db.row(b"select count(*) from orders.catalogue where price = 1", {}) == (0,)


async def test_a_statement_that_takes_too_long_is_unavailable(db: Database) -> None:
    await db.rows(b"select 1")
    with pytest.raises(Unavailable, match=r"^database: canceling statement due to statement timeout$"):
        await db.rows(b"select pg_sleep(60)")


async def test_every_transaction_has_a_time_limit(db: Database) -> None:
    async def last(milliseconds: bytes) -> None:
        async with db.transaction() as connection:
            await db.rows(b"set local transaction_timeout = " + milliseconds, None, connection)
            await db.rows(b"select pg_sleep(60)", None, connection)

    # Between two statements of a pipeline only the transaction timeout applies.
    assert await db.row(b"show transaction_timeout", {}) == ("20s",)
    with pytest.raises(Unavailable, match=r"^database: [^\n]*transaction timeout"):
        await last(b"100")


async def test_a_lock_that_is_not_granted_in_time_is_unavailable(shop: Shop, url: str) -> None:
    async with held_stock(url):
        with pytest.raises(Unavailable, match=r"^database: canceling statement due to lock timeout$"):
            await shop.db.rows(b"select sku from inventory.stock for update")


async def test_one_failure_at_most_after_the_server_dropped_every_connection(db: Database) -> None:
    await asyncio.gather(*(db.row(b"select pg_sleep(0.05)", {}) for _ in range(20)))
    with pytest.raises(Unavailable):
        await db.rows(
            b"select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            b" where datname = current_database() order by pid = pg_backend_pid()"
        )

    rows = await asyncio.gather(*(db.row(b"select 1", {}) for _ in range(20)))

    assert rows == [(1,)] * 20


async def test_an_unreachable_server_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^database: [^\n]+$"):
        await Database.open(f"host={tmp_path}")


async def test_a_missing_database_is_reported_by_name(url: str) -> None:
    with pytest.raises(Unavailable, match='"nowhere" does not exist'):
        await Database.open(make_conninfo(url, dbname="nowhere"))


@pytest.mark.parametrize("address", ["mysql://root:secret@x/y", "port=what even", "postgresql://[/x"])
async def test_an_invalid_address_is_reported_without_its_password(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: is not a PostgreSQL address$"):
        await Database.open(address)


async def test_loading_the_catalogue_again_changes_nothing(db: Database) -> None:
    await db.rows(b"update inventory.stock set available = 900, reserved = 100 where sku = 'SKU-1'")
    await asyncio.gather(*(demo_articles.load(db) for _ in range(5)))

    levels = await Inventory(db, AnyProcess()).levels()
    assert levels["SKU-1"].available == 900
    assert len(levels) == 21


async def test_a_pipeline_that_is_cancelled_at_any_moment_leaves_no_connection_without_answers(url: str) -> None:
    async with await Database.open(url, size=1) as db:

        async def piped() -> None:
            async with db.pipeline() as pipeline:
                sent = [await pipeline.send(b"select pg_sleep(0.0002)", {}) for _ in range(3)]
                for each in sent:
                    await each.row()

        for moment in range(300):
            task = asyncio.create_task(piped())
            await asyncio.sleep(moment * 0.00002)
            task.cancel()
            await asyncio.wait([task])

            assert await db.row(b"select %(n)s::int", {"n": moment}) == (moment,)
