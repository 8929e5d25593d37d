"""The processes of examples/payments-ts/README.md, one of which is killed inside a charge."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.process import Status
from runtime.embedded.stack import Stack
from tests.cli.conftest import worker_process
from tests.conservation import assert_conserved
from tests.orders.apart.running import SECONDS_TO_HAPPEN, attempts, queues_of
from tests.orders.scenarios import Scenario
from tests.participants.programs import in_typescript
from tests.systems import System, open_system, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults]
TAKEN = "select calls from card_provider.entries where key = %s and status = 'taken'"


@pytest.fixture
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system
        await assert_conserved(system.db)


async def test_a_program_killed_inside_a_charge_leaves_one_effect_and_the_order_completes(system: System) -> None:
    with worker_process(system.environment(ORDERS_APART="payments")):
        order = Scenario("killed", token="tok_hang_after").order()
        async with in_typescript(system) as program:
            handle = await system.start(order)
            async with asyncio.timeout(SECONDS_TO_HAPPEN):
                while not await system.one(TAKEN, f"{order.order_id}:charge"):
                    await asyncio.sleep(0.02)
            program.kill()
        async with in_typescript(system):
            result = await result_of(handle)
            history = (await system.state(handle)).history

    assert result
    assert result.status is Status.COMPLETED
    assert attempts(history, "charge") > 1
    assert set((await queues_of(handle))["charge_payment"]) == {"payments"}
    taken = "select count(*) from card_provider.calls where key = %s and outcome = 'taken'"
    assert await system.one(taken, f"{order.order_id}:charge") == 1
