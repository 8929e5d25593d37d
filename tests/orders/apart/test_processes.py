"""Processes of `worker.py` for services apart, as an operator starts them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from models.process import Status
from runtime.embedded.stack import Stack
from tests.cli.conftest import PROJECT, worker_process
from tests.conservation import assert_conserved
from tests.orders.apart.running import queues_of, until_scheduled, without_a_worker, workers
from tests.orders.scenarios import Scenario
from tests.systems import Environment, System, open_system, result_of
from tests.upkeep.test_advice import works_while_it_runs

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(180)]
SECONDS_TO_HAPPEN = 60


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system
        await assert_conserved(system.db)


async def children_of(process: "subprocess.Popen[bytes]", number: int) -> list[psutil.Process]:
    """Wait until a supervisor has this number of processes."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while len(found := psutil.Process(process.pid).children()) != number:
            await asyncio.sleep(0.05)
    return found


async def test_a_supervisor_keeps_the_processes_of_a_service(system: System) -> None:
    apart = system.environment(ORDERS_APART="payments,shipping")
    # A worker of a service needs no setting of what is apart.
    with (
        worker_process(apart),
        worker_process(system.environment(), "--serve", "payments,shipping", "--processes", "2") as supervisor,
    ):
        assert await result_of(await system.start(Scenario("first").order()))
        children = await children_of(supervisor, 2)
        assert all({"--serve", "payments,shipping"} <= set(child.cmdline()) for child in children)
        for child in children:
            child.kill()
        handle = await system.start(Scenario("second").order())
        result = await result_of(handle)

    assert result
    assert result.status is Status.COMPLETED
    queues = await queues_of(handle)
    assert (queues["charge_payment"], queues["create_shipment"]) == (["payments"], ["shipping"])


async def test_one_process_serves_the_orders_and_a_service_apart(system: System) -> None:
    environment = system.environment(ORDERS_APART="payments")
    with worker_process(environment, "--serve", "orders,payments"):
        handle = await system.start(Scenario("both").order())
        result = await result_of(handle)
        health = [await healthy(environment, *queue) for queue in ((), ("payments",), ("inventory",))]

    assert result
    assert result.status is Status.COMPLETED
    assert (await queues_of(handle))["charge_payment"] == ["payments"]
    assert health == ["healthy", "healthy", "no worker of this host polls the task queue 'inventory'"]


async def healthy(environment: Environment, *queue: str) -> str:
    """Return what the health check of a container prints."""
    command = [sys.executable, "-m", "deploy.worker_health", *queue]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=PROJECT, env=environment, capture_output=True, check=False, text=True
    )
    assert done.returncode == (0 if done.stdout == "healthy\n" else 1), done.stderr
    return str(done.stdout).strip()


async def test_the_command_that_stuck_prints_serves_the_order(system: System) -> None:
    async with workers(system, apart=("payments",)):
        handle = await system.start(Scenario("printed").order())
        await until_scheduled(handle, "charge_payment")
        await works_while_it_runs(system, await without_a_worker(system, handle.id))
