"""A service apart without a worker: only the orders that need it wait, and nothing is lost or used up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from models.activities.payments import ChargePayment
from models.commands import CancelOrder
from models.process import Status
from runtime.embedded.stack import Stack
from tests.conservation import assert_conserved
from tests.orders.apart.running import (
    SECONDS_TO_HAPPEN,
    Handle,
    attempts,
    serving,
    until_scheduled,
    without_a_worker,
    workers,
)
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import until
from tests.systems import System, open_system, result_of

pytestmark = pytest.mark.server
CHARGED = "select status from payments.receipts where key = %s"
RECEIPT = "select status from inventory.receipts where key = %s"


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system
        await assert_conserved(system.db)


async def test_orders_wait_for_payments_alone_and_complete_when_its_worker_comes(system: System) -> None:
    async with workers(system, apart=("payments",)):
        orders = [Scenario(f"waits-{n}", express=n == 2).order() for n in range(3)]
        handles = [await system.start(order) for order in orders]
        for handle in handles:
            await until_scheduled(handle, "charge_payment")
        # Nothing before the payment waits, and an order without a payment ends.
        assert {await system.one(RECEIPT, f"{order.order_id}:reserve") for order in orders} == {"done"}
        unsold = await result_of(await system.start(Scenario("unsold", lines=(("SKU-RARE", 2),)).order()))
        assert unsold
        assert unsold.failed_step == "reserve"

        stuck = await without_a_worker(system, handles[0].id)
        assert stuck.help_command == "python worker.py --serve payments"

        async with serving(system, "payments"):
            results = [await result_of(handle) for handle in handles]
            history = (await system.state(handles[0])).history

    assert [result.status for result in results if result] == [Status.COMPLETED] * 3
    assert attempts(history, "charge") == 1


@pytest.mark.parametrize("how", ["deadline", "cancel"])
async def test_the_way_back_waits_for_the_undo_of_a_step_that_may_have_begun(system: System, how: str) -> None:
    async with workers(system, apart=("payments",)):
        order = Scenario(f"back-{how}").order(deadline_seconds=5 if how == "deadline" else None)
        handle = await system.start(order)
        await until_scheduled(handle, "charge_payment")
        if how == "cancel":
            await system.orders.cancel(order.order_id, CancelOrder(reason="a test"))
        await until(system, handle, Status.COMPENSATING)
        await until_scheduled(handle, "refund_payment")
        # In reverse order: the stock is kept until payments has said that it holds no money.
        assert await system.one(RECEIPT, f"{order.order_id}:reserve") == "done"
        stuck = await without_a_worker(system, handle.id)
        assert "refund_payment" in stuck.detail

        async with serving(system, "payments"):
            await result_of(handle)
            state = await system.state(handle)

    assert state.status is (Status.CANCELLED if how == "cancel" else Status.COMPENSATED)
    assert [line.step for line in state.history if line.direction == "undo"] == ["charge", "reserve"]
    assert attempts(state.history, "charge", "undo") == 1
    # The charge never reached payments, and can't any more.
    assert (
        await system.one("select status from payments.receipts where key = %s", f"{order.order_id}:charge")
        == "tombstone"
    )
    assert await system.one(RECEIPT, f"{order.order_id}:reserve") == "undone"


async def test_a_retry_whose_worker_is_gone_is_named_as_such(system: System) -> None:
    @activity.defn(name="charge_payment")
    async def fails(_: ChargePayment) -> None:
        raise ApplicationError("not now", 1, type="Unavailable", next_retry_delay=timedelta(seconds=10))

    async with workers(system, apart=("payments",)):
        async with Worker(system.client, task_queue="payments", activities=[fails]):
            handle = await system.start(Scenario("retried").order())
            async with asyncio.timeout(SECONDS_TO_HAPPEN):
                while not any(each.HasField("last_failure") for each in await pending(handle)):
                    await asyncio.sleep(0.05)
        stuck = await without_a_worker(system, handle.id)
        assert stuck.help_command == "python worker.py --serve payments"
        async with serving(system, "payments"):
            result = await result_of(handle)
            history = (await system.state(handle)).history

    assert result
    assert result.status is Status.COMPLETED
    assert attempts(history, "charge") == 2


async def pending(handle: Handle) -> list[PendingActivityInfo]:
    return list((await handle.describe()).raw_description.pending_activities)


async def test_a_service_apart_does_not_wait_for_a_busy_one(system: System) -> None:
    """Hold shipping only: payments and inventory go on."""
    async with workers(system, apart=("payments", "shipping"), served=("payments",)):
        handles = [await system.start(Scenario(f"ships-{n}").order()) for n in range(3)]
        await asyncio.gather(*(until_scheduled(handle, "create_shipment") for handle in handles))
        async with serving(system, "shipping"):
            results = [await result_of(handle) for handle in handles]
    assert [result.status for result in results if result] == [Status.COMPLETED] * 3
