"""Deterministic races of two calls: a lock holds one call back until the other call waits too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from services.inventory.inventory import Inventory
from tests.services import requests
from tests.services.shop import Shop


@asynccontextmanager
async def held_stock(url: str, sku: str = "%") -> AsyncIterator[None]:
    """Block dos and undos for the length of the block, by locking the stock rows that match `sku`."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("select sku from inventory.stock where sku like %s for update", [sku])
        yield
        await connection.rollback()


async def waiting(shop: Shop, count: int) -> None:
    """Wait until `count` statements wait for a lock."""
    query = b"select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(2.5):
        while await shop.db.row(query, {}) != (count,):
            await asyncio.sleep(0.01)


class Uncommitted:
    """The inventory's statements in a transaction that stays uncommitted."""

    def __init__(self, shop: Shop, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self._inventory = Inventory(_Held(shop, connection), shop.accepted)  # type: ignore[arg-type]

    async def reserve(self) -> None:
        await self._inventory.reserve(requests.reserve())

    async def release(self) -> None:
        await self._inventory.release(requests.release())


class _Held:
    def __init__(self, shop: Shop, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self._db, self._connection = shop.db, connection

    async def row(self, query: bytes, params: dict[str, object]) -> tuple[object, ...] | None:
        return await self._db.row(query, params, self._connection)
