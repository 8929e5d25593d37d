"""Worker deployments: a versioned worker serves new orders once its version is current, and finishes its old orders."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowExecutionStatus

from runtime.embedded.stack import Stack
from runtime.settings import Settings
from serving.participants import participants_worker
from tests.orders.apart.running import queues_of
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system, result_of
from tests.temporal_cli import run_documented, the_command
from worker import orders_worker

pytestmark = pytest.mark.server

SECONDS_TO_HAPPEN = 60
OK, HELD = Scenario("completed"), Scenario("held", postcode="00003")


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system


def versioned(system: System, build_id: str) -> Settings:
    return system.settings.model_copy(update={"deployment": "orders", "build_id": build_id})


async def until_polling(system: System, build_id: str) -> None:
    """Wait until the server knows the version's worker."""
    command = the_command("deployment describe-version").replace("2026-11-01", build_id)
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await asyncio.to_thread(run_documented, system.environment(), command)).code:
            await asyncio.sleep(0.2)


async def make_current(system: System, build_id: str) -> None:
    await until_polling(system, build_id)
    command = the_command("set-current-version").replace("2026-11-01", build_id)
    answer = await asyncio.to_thread(run_documented, system.environment(), command)
    assert answer.code == 0, answer.err


async def version_of(system: System, workflow_id: str) -> str:
    """Return the build id of the version that an order is pinned to."""
    described = await system.client.get_workflow_handle(workflow_id).describe()
    return described.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id


async def test_a_version_takes_orders_once_it_is_current_and_finishes_the_orders_it_began(system: System) -> None:
    url = system.stack.database_url
    async with orders_worker(system.client, url, versioned(system, "1")):
        early = await system.start(OK.order())
        await until_polling(system, "1")
        assert (await early.describe()).status is WorkflowExecutionStatus.RUNNING
        assert (await early.describe()).history_length == 2

        await make_current(system, "1")
        result = await result_of(early)
        assert result
        assert result.status == "completed"
        assert await version_of(system, early.id) == "1"

        begun = await system.start(HELD.order())
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while not any(line.step == "ship" for line in (await system.state(begun)).history):
                await asyncio.sleep(0.05)
        async with orders_worker(system.client, url, versioned(system, "2")):
            await make_current(system, "2")
            late = await system.start(OK.order())
            assert await result_of(late), "the new version must serve"
            assert await result_of(begun), "the old version must finish"
            assert [await version_of(system, each.id) for each in (begun, late)] == ["1", "2"]

    listed = run_documented(system.environment(), the_command("deployment describe --name"))
    assert listed.code == 0, listed.err
    assert re.search(r"CurrentVersionBuildID +2\b", listed.out), listed.out


async def test_a_service_apart_of_the_same_version_serves_its_orders(system: System) -> None:
    url, settings = system.stack.database_url, versioned(system, "3")
    orders = settings.model_copy(update={"apart": ("payments",)})
    async with (
        orders_worker(system.client, url, orders),
        participants_worker(system.client, url, settings, served=("payments",)),
    ):
        await make_current(system, "3")
        handle = await system.start(OK.order())
        result = await result_of(handle)
    # A service's worker without a version serves the orders of a version, too.
    async with (
        orders_worker(system.client, url, orders.model_copy(update={"apart": ("shipping",)})),
        participants_worker(system.client, url, system.settings, served=("shipping",)),
    ):
        unversioned = await result_of(await system.start(OK.order()))

    assert result
    assert unversioned
    assert (await queues_of(handle))["charge_payment"] == ["payments"]
    assert [result.status, unversioned.status] == ["completed", "completed"]
