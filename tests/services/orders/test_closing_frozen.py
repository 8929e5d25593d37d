"""A settlement that is frozen inside its transaction must not block other orders' stock without limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from models.activities.base import Settled
from models.errors import Unavailable
from postgres.unit_of_work import unit_of_work
from services.inventory.inventory import Inventory
from tests.services import requests
from tests.services.orders.test_closing import placed
from tests.services.shop import Shop


@asynccontextmanager
async def frozen_settlement(shop: Shop) -> AsyncIterator[asyncio.Task[None]]:
    """Freeze a settlement, as in a delivery of an event, between its statement and its commit, during the block."""
    reached, thawed = asyncio.Event(), asyncio.Event()

    async def settle() -> None:
        async with unit_of_work(shop.db) as unit:
            await Inventory(unit, shop.accepted).settle(requests.settle_stock())
            reached.set()
            await thawed.wait()

    task = asyncio.create_task(settle())
    await asyncio.wait_for(reached.wait(), 10)
    try:
        yield task
    finally:
        thawed.set()


async def test_a_frozen_settlement_loses_its_locks_and_is_done_by_the_next_attempt(shop: Shop) -> None:
    await placed(shop)
    await placed(shop, "o-2")

    async with frozen_settlement(shop) as frozen, asyncio.timeout(20):
        while True:
            try:
                await shop.inventory.settle(requests.settle_stock("o-2"))
                break
            except Unavailable:  # the frozen settlement still locks the stock
                continue

    with pytest.raises(Unavailable):
        await frozen
    assert await shop.inventory.settle(requests.settle_stock()) == Settled()
