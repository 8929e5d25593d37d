"""Both styles of the saga, orchestrated and choreographed, leave the same stock, money and parcels behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from messaging.outbox.outbox import Outbox
from models.order import Order
from services.orders.placing import ChoreographedOrders
from tests.choreography.conftest import until_ended
from tests.conservation import assert_conserved
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import books, expected_books
from tests.systems import System, result_of

pytestmark = pytest.mark.server
Placed = dict[str, tuple[Order, Order]]


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[Placed]:
    """Every scenario in both styles, at the same time."""
    pairs = {scenario.name: (scenario.order(), scenario.order()) for scenario in SCENARIOS}
    handles = [await system.start(orchestrated) for orchestrated, _ in pairs.values()]
    for _, choreographed in pairs.values():
        await ChoreographedOrders(system.db, Outbox()).place(choreographed)
    yield pairs
    await asyncio.gather(*(result_of(handle) for handle in handles))
    await assert_conserved(system.db)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_both_styles_leave_the_same_books(system: System, placed: Placed, scenario: Scenario) -> None:
    orchestrated, choreographed = placed[scenario.name]
    await asyncio.gather(*(until_ended(system.db, order) for order in placed[scenario.name]))

    ours = await books(system, choreographed)
    total = await system.one("select total from orders.orders where order_id = %s", choreographed.order_id)
    assert ours == await books(system, orchestrated)
    assert ours == expected_books(scenario, total)


async def test_an_orchestrated_order_never_feeds_the_choreography(system: System, placed: Placed) -> None:
    for orchestrated, choreographed in placed.values():
        assert not await Outbox().events(system.db, orchestrated.order_id)
        assert await Outbox().events(system.db, choreographed.order_id)
