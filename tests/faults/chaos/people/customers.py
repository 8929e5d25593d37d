"""The customers of a run: they place orders, some of them several times concurrently, and track the open ones."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from models.errors import Unavailable
from tests.faults.chaos.people.acts import act
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.planning.drawing import REPEATED, PlannedOrder
from tests.faults.chaos.planning.plan import RunPlan
from tests.faults.chaos.processes.system import ChaosSystem

# More orders would only queue.
UNDER_WAY_AT_MOST = 50
SECONDS_BETWEEN_LOOKS = 0.5
# After so many seconds without a row, an order counts as never placed.
SECONDS_TO_APPEAR = 20.0

_KNOWN = b"select order_id, closed_at is not null from orders.orders where order_id = any(%(ids)s)"


@dataclass
class Customers:
    """The customers; `under_way`: order id → monotonic time of its placing, of every order that has not ended."""

    system: ChaosSystem
    log: Log
    placed: Counter[str] = field(default_factory=Counter)
    under_way: dict[str, float] = field(default_factory=dict)
    # The time at which the first order of the tail was placed; orders of the tail must complete.
    tail_began: float = 0.0
    _to_come: int = 0
    _placing: int = 0
    _acting: int = 0

    def coming(self) -> int:
        """Return the number of customers who have not placed their order, or wait for an answer."""
        return self._to_come + self._placing + self._acting

    async def come(self, plan: RunPlan, began: float) -> None:
        """Place every order of the plan at its time and perform its act; return after the last answer."""
        self._to_come = len(plan.orders)
        async with asyncio.TaskGroup() as tasks:
            for planned in plan.orders:
                await asyncio.sleep(began + planned.at - time.monotonic())
                while len(self.under_way) >= UNDER_WAY_AT_MOST:
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS / 5)
                if planned.calm and not self.tail_began:
                    await self._until_all_are_placed()
                    self.tail_began = time.time()
                self._to_come, self._placing = self._to_come - 1, self._placing + 1
                tasks.create_task(self._serve(planned))

    async def _until_all_are_placed(self) -> None:
        """Wait for the answers to all earlier orders, which are not part of the tail."""
        while self._placing:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS / 5)

    async def _serve(self, planned: PlannedOrder) -> None:
        try:
            placed = await self._place(planned)
        finally:
            self._placing -= 1
        if placed:
            self._acting += 1
            try:
                await act(planned, self.system.client, self.log)
            finally:
                self._acting -= 1

    async def _place(self, planned: PlannedOrder) -> bool:
        """Place an order, several times concurrently if it is of that kind; return whether it was accepted."""
        order_id, body = planned.order.order_id, planned.order.body_hash()
        self.under_way[order_id] = time.monotonic()
        self.placed[planned.kind] += 1
        copies = planned.copies if planned.kind == REPEATED else 1
        placing = self._way_of(planned)
        asks = [self.log.ask("place", order_id, placing, body, patient=planned.patient) for _ in range(copies)]
        return "ok" in await asyncio.gather(*asks)

    def _way_of(self, planned: PlannedOrder) -> Callable[[], Awaitable[object]]:
        orders = self.system.orders
        if planned.choreographed:
            return lambda: orders.choreographed.place(planned.order)
        if planned.within:
            return lambda: orders.place_within(planned.order, planned.within)
        return lambda: orders.place(planned.order)

    async def look(self) -> None:
        """Remove ended orders from `under_way`, until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            await self._cross_off()

    async def _cross_off(self) -> None:
        try:
            rows = await self.system.db.rows(_KNOWN, {"ids": list(self.under_way)})
        except Unavailable:
            return  # the next poll will succeed
        known: dict[str, bool] = dict(rows)
        for order_id, since in list(self.under_way.items()):
            lost = order_id not in known and time.monotonic() - since > SECONDS_TO_APPEAR
            if known.get(order_id) or lost:
                del self.under_way[order_id]
