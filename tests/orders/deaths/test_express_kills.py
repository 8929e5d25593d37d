"""An express order's worker dies, or drains, in the middle of its only workflow task."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from models.order import Order
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import assert_one_effect_each, blocked, until_somebody_waits, worker_process
from tests.orders.moments.test_cancel_everywhere import cancel, ending
from tests.orders.test_express import COMPLETED, events_of
from tests.orders.test_scenarios import books
from tests.systems import System, result_of
from worker import build

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
Held = dict[str, tuple[Order, WorkflowHandle[Any, Any]]]

# What holds an order up inside its only workflow task, and what a cancel comes to that finds it lost.
TABLES = {"inventory.receipts": "cancelled", "payments.receipts": "cancelled", "shipping.receipts": "completed"}


async def lost_in_the_middle(system: System, locks: AsyncExitStack) -> Held:
    """Hold an order up at each table and kill their worker: no history knows of what they have done."""
    orders: Held = {}
    with worker_process(system) as doomed:
        for table in reversed(TABLES):
            await locks.enter_async_context(blocked(system, table))
            order = COMPLETED.order()
            orders[table] = order, await system.start(order)
            await until_somebody_waits(system, table)
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    return orders


async def test_an_order_whose_worker_was_killed_completes_with_one_effect_each(lonely: System) -> None:
    async with AsyncExitStack() as locks:
        orders = await lost_in_the_middle(lonely, locks)
    with worker_process(lonely):
        results = [await result_of(handle) for _, handle in orders.values()]
    assert [result and result.status for result in results] == ["completed"] * len(TABLES)
    for order, _ in orders.values():
        await assert_one_effect_each(lonely, order)


async def test_a_cancel_undoes_what_no_history_knows_of_unless_the_carrier_has_it(lonely: System) -> None:
    async with AsyncExitStack() as locks:
        orders = await lost_in_the_middle(lonely, locks)
        for _, handle in orders.values():
            await cancel(handle, "native")
    with worker_process(lonely):
        ends = {table: await ending(lonely, COMPLETED, order, handle) for table, (order, handle) in orders.items()}
    assert ends == TABLES
    await assert_conserved(lonely.db)


async def test_a_draining_worker_begins_no_further_step(lonely: System) -> None:
    order = COMPLETED.order()
    worker = build(lonely.client, lonely.services, lonely.settings)
    running = asyncio.create_task(worker.run())
    async with blocked(lonely, "payments.receipts"):
        handle = await lonely.start(order)
        await until_somebody_waits(lonely, "payments.receipts")
        stopping = asyncio.create_task(worker.shutdown())
        await told_to_stop(worker)
    await asyncio.gather(stopping, running)
    assert (await books(lonely, order))["parcel"] is None
    with worker_process(lonely):
        assert await ending(lonely, COMPLETED, order, handle) == "completed"
    assert (await events_of(handle))["ACTIVITY_TASK_SCHEDULED"] == 1


async def told_to_stop(worker: Worker) -> None:
    """Wait until the worker's activities can know that it drains."""
    activities: Any = worker._activity_worker
    await activities._worker_shutdown_event.wait()
