"""The choreographed style where each service has a database and a worker of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from models.participants import SERVICES
from runtime.embedded.stack import Stack
from tests.choreography.conftest import until_ended
from tests.cli.conftest import worker_process
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import receipts
from tests.orders.scenarios import Scenario
from tests.systems import System, open_apart

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system with four databases, and with four processes that each know only their own."""
    async with open_apart(servers) as system:
        urls = system.settings.own_databases
        with ExitStack() as running:
            orders = system.environment_with({"orders": urls["orders"]}, ORDERS_APART=",".join(SERVICES))
            running.enter_context(worker_process(orders))
            for service in SERVICES:
                alone = system.environment_with({service: urls[service]}, ORDERS_APART=",".join(SERVICES))
                running.enter_context(worker_process(alone, "--serve", service))
            yield system
            await asyncio.to_thread(running.close)
        await assert_all_conserved(system)


async def test_an_order_is_completed_and_settled_in_each_database(system: System) -> None:
    order = Scenario("alone").order()
    await system.services.choreographed_orders.place(order)

    assert await until_ended(system.db, order) == "completed"
    assert await receipts(system, order.order_id) == dict.fromkeys(SERVICES, "settled")
