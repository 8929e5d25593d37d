"""A worker, the server or the database dies in the middle of an order: one effect each, and the order completes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.client import WorkflowHandle

from models.order import Order
from postgres.database import Database
from runtime.embedded.record import Layout, live_record
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.servers import own_stack, started
from tests.systems import System, open_system, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
PROJECT = Path(__file__).parents[3]


@contextmanager
def worker_process(system: System) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python worker.py` as people do; killed at the end of the block if it still lives."""
    environment = system.environment(ORDERS_LOG_LEVEL="error")
    process = subprocess.Popen([sys.executable, "worker.py"], cwd=PROJECT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def blocked(system: System, table: str) -> AsyncIterator[None]:
    """Hold a table for the length of the block, on a connection without the services' time limits."""
    async with await AsyncConnection.connect(system.stack.database_url) as connection:
        await connection.execute(f"lock table {table} in access exclusive mode".encode())
        yield


async def until_somebody_waits(system: System, table: str | None = None) -> None:
    """Wait until a statement stands before a lock; before that of a table, if one is given."""
    waiting = """select count(*)::int from pg_locks join pg_database as database on database.oid = database
                 where not granted and datname = current_database() and (%s::text is null or relation = %s::regclass)"""
    async with asyncio.timeout(20):
        while not await system.one(waiting, table, table):
            await asyncio.sleep(0.01)


async def attempts(handle: WorkflowHandle[Any, Any], system: System, step: str) -> int:
    return max(line.attempt for line in (await system.state(handle)).history if line.step == step)


# What each step needs, and with it held stops in the middle of.
TABLES = {
    "validate": "orders.orders",
    "reserve": "inventory.receipts",
    "charge": "payments.receipts",
    "ship": "shipping.receipts",
    "complete": "orders.orders",
}


@pytest.mark.parametrize("step", TABLES)
async def test_a_worker_killed_inside_a_step_leaves_one_effect_and_the_order_completes(
    lonely: System, step: str
) -> None:
    order = Scenario(f"kill-{step}", postcode="00001").order()
    ahead = step == "complete"  # the carrier's first answer takes a second to come: time to stand in the way
    with worker_process(lonely) as doomed:
        handle = await lonely.start(order) if ahead else None
        if ahead:
            await asyncio.wait_for(charged_once(lonely, order), 20)
        async with blocked(lonely, TABLES[step]):
            handle = handle or await lonely.start(order)
            await until_somebody_waits(lonely)
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
    with worker_process(lonely):
        result = await result_of(handle)
        assert result is not None
        assert result.status == "completed"
        if step in {"reserve", "charge", "ship"}:  # the others are tried inside the workflow task, which counts anew
            assert await attempts(handle, lonely, step) >= 2
    await assert_one_effect_each(lonely, order)


@pytest.mark.parametrize("part", ["temporal", "postgres"])
async def test_a_server_killed_in_the_middle_of_an_order_comes_back_and_the_order_completes(part: str) -> None:
    order = Scenario(f"kill-{part}", token="tok_flaky_2").order()
    with own_stack() as settings:
        async with started(settings) as own, open_system(own) as doomed:
            with worker_process(doomed):
                handle = await doomed.start(order)
                await asyncio.wait_for(charged_once(doomed, order), 20)
                record = live_record(Layout(settings.data_dir))
                assert record is not None
                os.kill(record.children[part], signal.SIGKILL)
                result = await result_of(handle)
                assert result is not None
                assert result.status == "completed"
            await assert_one_effect_each(doomed, order)


async def charged_once(system: System, order: Order) -> None:
    while not await system.one("select 1 from card_provider.calls where key = %s", f"{order.order_id}:charge"):
        await asyncio.sleep(0.01)


async def assert_one_effect_each(system: System, order: Order) -> None:
    taken = "select count(*)::int from {}.calls where key = %s and outcome = 'taken'"
    assert await system.one(taken.format("card_provider"), f"{order.order_id}:charge") == 1
    assert await system.one(taken.format("carrier"), f"{order.order_id}:ship") == 1
    ledger = "select count(*)::int from payments.ledger where key = %s"
    assert await system.one(ledger, f"{order.order_id}:charge") == 2
    async with await Database.open(system.stack.database_url) as db:  # its connections survived no kill
        await assert_conserved(db)
