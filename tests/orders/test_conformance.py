"""Both styles of the saga, orchestrated and choreographed, end with the same stock, money and parcels."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.order import Order
from tests.choreography.conftest import stored_events, until_ended
from tests.conservation import assert_conserved
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import expected_records, records_of
from tests.systems import System, result_of

pytestmark = pytest.mark.server
Placed = dict[str, tuple[Order, Order]]


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[Placed]:
    """Place every scenario in both styles concurrently; yield scenario → orchestrated and choreographed order."""
    pairs = {scenario.name: (scenario.order(), scenario.order()) for scenario in SCENARIOS}
    handles = [await system.start(orchestrated) for orchestrated, _ in pairs.values()]
    for _, choreographed in pairs.values():
        await system.services.choreographed_orders.place(choreographed)
    yield pairs
    await asyncio.gather(*(result_of(handle) for handle in handles))
    await assert_conserved(system.db)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_both_styles_leave_the_same_records(system: System, placed: Placed, scenario: Scenario) -> None:
    orchestrated, choreographed = placed[scenario.name]
    await asyncio.gather(*(until_ended(system.db, order) for order in placed[scenario.name]))

    actual = await records_of(system, choreographed)
    total = await system.one("select total from orders.orders where order_id = %s", choreographed.order_id)
    assert actual == await records_of(system, orchestrated)
    assert actual == expected_records(scenario, total)


async def test_an_orchestrated_order_emits_no_events(system: System, placed: Placed) -> None:
    for orchestrated, choreographed in placed.values():
        assert not await stored_events(system.services, orchestrated.order_id)
        assert await stored_events(system.services, choreographed.order_id)
