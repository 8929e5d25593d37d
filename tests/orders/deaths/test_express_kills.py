"""The worker of an express order dies or drains in the middle of the order's only workflow task."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from models.order import Order
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import assert_one_effect_each, blocked, until_blocked, worker_process
from tests.orders.moments.test_cancel_everywhere import cancel, ending
from tests.orders.test_express import COMPLETED, events_of
from tests.orders.test_scenarios import records_of
from tests.systems import System, result_of
from worker import build

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
Held = dict[str, tuple[Order, WorkflowHandle[Any, Any]]]

# Table whose lock stops an order behind a call of a provider → the outcome of a cancel after that task is lost.
TABLES = {"inventory.receipts": "cancelled", "payments.ledger": "cancelled", "shipping.parcels": "completed"}


async def lost_in_the_middle(system: System, locks: AsyncExitStack) -> Held:
    """Stop an order at each table and kill the worker, so that no history contains the executed steps."""
    orders: Held = {}
    with worker_process(system) as doomed:
        for table in reversed(TABLES):
            await locks.enter_async_context(blocked(system, table))
            order = COMPLETED.order()
            orders[table] = order, await system.start(order)
            await until_blocked(system, table)
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    return orders


async def test_an_order_whose_worker_was_killed_completes_with_one_effect_each(idle_system: System) -> None:
    async with AsyncExitStack() as locks:
        orders = await lost_in_the_middle(idle_system, locks)
    with worker_process(idle_system):
        results = [await result_of(handle) for _, handle in orders.values()]
    assert [result and result.status for result in results] == ["completed"] * len(TABLES)
    for order, _ in orders.values():
        await assert_one_effect_each(idle_system, order)


async def test_a_cancel_undoes_unrecorded_steps_unless_the_carrier_has_the_parcel(idle_system: System) -> None:
    async with AsyncExitStack() as locks:
        orders = await lost_in_the_middle(idle_system, locks)
        for _, handle in orders.values():
            await cancel(handle, "native")
    with worker_process(idle_system):
        ends = {table: await ending(idle_system, COMPLETED, order, handle) for table, (order, handle) in orders.items()}
    assert ends == TABLES
    await assert_conserved(idle_system.db)


async def test_a_draining_worker_begins_no_further_step(idle_system: System) -> None:
    order = COMPLETED.order()
    worker = build(idle_system.client, idle_system.services, idle_system.settings)
    running = asyncio.create_task(worker.run())
    async with blocked(idle_system, "payments.receipts"):
        handle = await idle_system.start(order)
        await until_blocked(idle_system, "payments.receipts")
        stopping = asyncio.create_task(worker.shutdown())
        await until_draining(worker)
    await asyncio.gather(stopping, running)
    assert (await records_of(idle_system, order))["parcel"] is None
    with worker_process(idle_system):
        assert await ending(idle_system, COMPLETED, order, handle) == "completed"
    assert (await events_of(handle))["ACTIVITY_TASK_SCHEDULED"] == 1


async def until_draining(worker: Worker) -> None:
    """Wait until the worker has signalled its shutdown to its activities."""
    activities: Any = worker._activity_worker
    await activities._worker_shutdown_event.wait()
