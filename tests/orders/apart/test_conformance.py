"""Both styles end each scenario with the same records on four servers with four workers as they do together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from models.order import Order
from models.participants import OWNERS
from runtime.embedded.stack import Stack
from tests.choreography.conftest import until_ended
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import Handle
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import ends_as_expected, expected_records, records_of
from tests.systems import System, result_of
from tests.topologies import open_on_four_servers

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(300)]
Placed = dict[str, tuple[Order, Handle, Order]]


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_on_four_servers(servers) as apart:
        async with AsyncExitStack() as workers:
            await asyncio.gather(*(workers.enter_async_context(apart.working(owner)) for owner in OWNERS))
            yield apart.system
        await assert_all_conserved(apart.system)


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[Placed]:
    """Place every scenario in both styles concurrently; yield scenario → orders of both styles."""
    placed: Placed = {}
    for scenario in SCENARIOS:
        orchestrated, choreographed = scenario.order(), scenario.order()
        await system.services.choreographed_orders.place(choreographed)
        placed[scenario.name] = orchestrated, await system.start(orchestrated), choreographed
    yield placed
    await asyncio.gather(*(result_of(handle) for _, handle, _ in placed.values()))
    await asyncio.gather(*(until_ended(system.db, choreographed) for _, _, choreographed in placed.values()))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_an_orchestrated_order_ends_as_it_does_together(
    system: System, placed: Placed, scenario: Scenario
) -> None:
    order, handle, _ = placed[scenario.name]

    await ends_as_expected(system, scenario, order, handle)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_choreographed_order_leaves_the_same_records(
    system: System, placed: Placed, scenario: Scenario
) -> None:
    *_, order = placed[scenario.name]
    await until_ended(system.db, order)

    total = await system.one("select total from orders.orders where order_id = %s", order.order_id)
    assert await records_of(system, order) == expected_records(scenario, total)
