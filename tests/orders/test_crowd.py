"""Many concurrent orders for the last article: one gets the article."""

import asyncio
from collections import Counter

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from tests.orders.scenarios import Scenario
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("conserved")]
LAST_ONE = Scenario("rare", lines=(("SKU-RARE", 1),))


async def test_two_hundred_orders_for_the_last_article_sell_exactly_one(system: System) -> None:
    before = await system.one("select available from inventory.stock where sku = 'SKU-RARE'")
    handles = await asyncio.gather(*(system.start(LAST_ONE.order()) for _ in range(200)))
    results = await asyncio.gather(*(result_of(handle) for handle in handles))

    assert before == 1
    outcomes = Counter(result.status.value for result in results if result)
    reasons = Counter(f"{result.failed_step}: {result.reason}" for result in results if result)
    # The order with the article goes back when the machine is so busy that each attempt of a step runs out of time.
    left = await system.one("select available from inventory.stock where sku = 'SKU-RARE'")
    assert (outcomes["completed"], left) in {(1, 0), (0, 1)}, reasons
    assert outcomes["completed"] + outcomes["compensated"] == 200, reasons
    if left:
        later = await result_of(await system.start(LAST_ONE.order()))
        assert later is not None
        assert later.status == "completed", later
    assert await system.one("select available + reserved from inventory.stock where sku = 'SKU-RARE'") == 0
    assert await system.one("select sold from inventory.stock where sku = 'SKU-RARE'") == 1


async def test_the_same_order_placed_fifty_times_is_one_order(system: System) -> None:
    order = Scenario("same").order()

    async def place() -> object:
        try:
            return await result_of(await system.start(order))
        except WorkflowAlreadyStartedError:
            return None

    results = [result for result in await asyncio.gather(*(place() for _ in range(50))) if result]

    assert len(results) == 1
    calls = "select count(*)::int from card_provider.calls where key = %s and outcome = 'taken'"
    assert await system.one(calls, f"{order.order_id}:charge") == 1
