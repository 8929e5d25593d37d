"""Whole orders, with the services' database behind a PgBouncer in transaction mode."""

import asyncio

import pytest

from runtime.embedded.stack import Stack
from tests.conservation import assert_conserved
from tests.orders.scenarios import EXPRESS, Scenario
from tests.pgbouncer import NEEDED, bouncing
from tests.systems import open_system, result_of
from worker import orders_worker

pytestmark = [pytest.mark.server, NEEDED]
SCENARIOS = [Scenario("pooled"), EXPRESS[0], next(each for each in EXPRESS if each.name == "express-carrier-refuses")]


async def test_orders_end_as_without_a_pooler(servers: Stack) -> None:
    async with open_system(servers) as system:
        with bouncing(system.stack.database_url, pool_mode="transaction") as url:
            async with orders_worker(system.client, url, system.settings):
                handles = [await system.start(each.order()) for each in SCENARIOS]
                results = await asyncio.gather(*map(result_of, handles))
        await assert_conserved(system.db)

    assert [result.status for result in results if result] == [each.status for each in SCENARIOS]
