"""Choreographed orders in a benchmark: placed in the database, which is then asked for their ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.measuring.load import Load, order_of
from models.order import Order
from models.process import Status
from postgres.database import Database
from runtime.settings import Settings
from worker import services_on

SECONDS_BETWEEN_QUESTIONS = 0.01
ENDED = b"""
select order_id, status from orders.orders where order_id = any(%(order_ids)s) and closed_at is not null
"""


class Ends:
    """Waits for the ends of orders, with one question for all of them."""

    def __init__(self, db: Database) -> None:
        self._db, self._waiting = db, dict[str, asyncio.Future[str]]()

    async def of(self, order_id: str) -> str:
        """Wait for an order's end, and return it by its name in the benchmarks."""
        self._waiting[order_id] = asyncio.get_running_loop().create_future()
        return await self._waiting[order_id]

    async def watch(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_QUESTIONS)
            for order_id, status in await self._db.rows(ENDED, {"order_ids": list(self._waiting)}):
                self._waiting.pop(order_id).set_result("undone" if status == Status.COMPENSATED else status)


@asynccontextmanager
async def choreographed_load(database: str, settings: Settings, extra: dict[str, object]) -> AsyncIterator[Load]:
    """Yield the load on a database; `extra` are additional fields of each order."""
    async with await Database.open(database, size=4) as db, asyncio.TaskGroup() as tasks:
        ends, placing = Ends(db), services_on(db, settings).choreographed_orders
        watching = tasks.create_task(ends.watch())

        async def place(order_id: str, kind: str) -> str:
            await placing.place(Order.model_validate(order_of(order_id, kind) | extra, strict=False))
            return await ends.of(order_id)

        yield Load(place, lambda order_id: place(order_id, "ok"))
        watching.cancel()
