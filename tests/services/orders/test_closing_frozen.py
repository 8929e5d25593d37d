"""A closing that is frozen inside its transaction must not block other orders' stock without limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from messaging.idempotent_receiver.settlement import Settlement
from models.activities.base import Closed
from models.errors import Unavailable
from postgres.database import Database
from services.inventory.inventory import Inventory
from services.orders.closing import OrderClosing
from tests.services import requests
from tests.services.orders.test_closing import placed
from tests.services.shop import AnyProcess, Shop


class FrozenClosing(Inventory):
    """An inventory whose settlement is executed and then blocks, as in a process that was stopped."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, AnyProcess())
        self.reached, self.thawed = asyncio.Event(), asyncio.Event()

    async def settle(self, *arguments: object) -> Settlement:
        frozen, settling = self, await super().settle(*arguments)  # type: ignore[arg-type]

        class Stopped(Settlement):
            async def end(self) -> None:
                await super().end()
                frozen.reached.set()
                await frozen.thawed.wait()

        return Stopped(**vars(settling))


@asynccontextmanager
async def frozen_closing(shop: Shop) -> AsyncIterator[asyncio.Task[Closed]]:
    """Freeze a closing between its last statement and its commit, for the length of the block."""
    inventory = FrozenClosing(shop.db)
    closing = OrderClosing(shop.db, inventory, shop.payments, shop.shipping)
    task = asyncio.create_task(closing.close(requests.complete()))
    await asyncio.wait_for(inventory.reached.wait(), 10)
    try:
        yield task
    finally:
        inventory.thawed.set()


async def test_a_frozen_closing_loses_its_locks_and_is_closed_by_the_next_attempt(shop: Shop) -> None:
    await placed(shop)
    await placed(shop, "o-2")

    async with frozen_closing(shop) as frozen, asyncio.timeout(20):
        while True:
            try:
                await shop.closing.close(requests.complete("o-2"))
                break
            except Unavailable:  # the frozen closing still locks the stock
                continue

    with pytest.raises(Unavailable):
        await frozen
    assert await shop.closing.close(requests.complete()) == Closed(outcome="completed")
