"""Faults beside the program of examples/payments-ts: it is killed inside a charge, and orders lose their workflows."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.names import workflow_id
from models.process import Status
from runtime.embedded.stack import Stack
from tests.cli.conftest import worker_process
from tests.conservation import assert_conserved
from tests.orders.apart.running import SECONDS_TO_HAPPEN, attempts, queues_of, with_apart
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import ledger, transfer_order, waiting
from tests.participants.programs import in_typescript
from tests.systems import System, open_system, result_of
from tests.upkeep.conftest import blocked, closed_as, lock_awaited, reconcile, step_reached
from worker import orders_worker

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


async def test_lost_orders_are_undone_and_settled(system: System) -> None:
    orders = orders_worker(system.client, system.urls, with_apart(system, "payments"))
    async with in_typescript(system), orders:
        back, forward = transfer_order("back"), Scenario("forward").order()
        waits = await waiting(system, back)
        async with blocked(system, "shipping.receipts"):
            handle = await system.start(forward)
            await step_reached(system, handle, "ship")
            await lock_awaited(system)
            for lost in (waits, handle):
                await lost.terminate("by a test")
        assert (await reconcile(system)).recovering == 2
        assert await closed_as(system, back.order_id) == "compensated"
        assert await closed_as(system, forward.order_id) == "completed"

    assert await ledger(system, back) == ("", "void")
    assert (await ledger(system, forward))[0] == "charge settle"
    for order, activity in ((back, "refund_payment"), (forward, "settle_payment")):
        recovery = system.client.get_workflow_handle(workflow_id(order.order_id))
        assert set((await queues_of(recovery))[activity]) == {"payments"}
