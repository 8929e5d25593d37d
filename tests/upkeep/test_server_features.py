"""What the Temporal server lacks is found when a process starts, and named: features, search attributes."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.server_features import missing_features, require_deployments, require_features
from client.diagnosis.findings import StuckProcess
from client.installation import bind
from models.errors import NotSetUp
from models.names import workflow_id
from models.process import Status
from models.server_features import ASYNC_UPDATES, DEPLOYMENTS, SCHEDULES, STANDALONE_ACTIVITIES, UPDATES
from postgres.database import Database
from runtime import search_attributes
from runtime.connection import connect
from runtime.databases import DatabaseUrls
from runtime.embedded.processes import clean_environment
from runtime.embedded.stack import Stack
from runtime.search_attributes import check_search_attributes, create_search_attributes
from runtime.settings import Settings
from serving.participants import participants_worker
from tests.cli.conftest import as_bytes, order_document, run_here
from tests.orders.scenarios import Scenario
from tests.servers import free_ports, new_database, new_namespace
from tests.systems import POOL, System, open_system, result_of
from tests.temporal_cli import BINARY
from tests.upkeep.conftest import SECONDS_TO_HAPPEN
from worker import build, orders_relay, orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]
OFF = "{}=false"


@asynccontextmanager
async def server_with(*dynamic: str) -> AsyncIterator[str]:
    """Yield the address of a development server with these values of its dynamic configuration."""
    (port,) = free_ports(1)
    options = ["--ip", "127.0.0.1", "--port", str(port), "--headless", "--log-level", "error"]
    for value in dynamic:
        options += ["--dynamic-config-value", value]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [BINARY, "server", "start-dev", *options], env=clean_environment(), stdout=log, stderr=log
        )
        try:
            await _answers(f"127.0.0.1:{port}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


async def _answers(address: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            try:
                await Client.connect(address)
            except RuntimeError:
                await asyncio.sleep(0.1)
            else:
                return


@asynccontextmanager
async def system_on(address: str, servers: Stack) -> AsyncIterator[System]:
    """Yield a system on the server at `address` that is not set up."""
    url = new_database(servers.database_url)
    settings = Settings(database_url=url, log_level="error", database_pool=POOL)
    stack = replace(servers, database_url=url, temporal_address=address)
    async with await Database.open(url, size=POOL) as db:
        system = System(settings, stack, await connect(settings, address=address), db)
        yield system
        await system.observer.close()


@pytest.fixture(scope="module")
async def no_activities(servers: Stack) -> AsyncIterator[System]:
    """Yield a system on a server without standalone activities."""
    async with (
        server_with(OFF.format(STANDALONE_ACTIVITIES.switch)) as address,
        system_on(address, servers) as system,
    ):
        await create_search_attributes(system.client)
        await bind(system.client, system.services.installation)
        yield system


async def command(system: System, *arguments: str, stdin: bytes = b"") -> Any:
    return await asyncio.to_thread(run_here, system.environment(), *arguments, stdin=stdin)


async def test_the_server_of_the_tests_has_every_feature(servers: Stack) -> None:
    assert await missing_features(await new_namespace(servers)) == frozenset()


async def test_a_relay_names_the_switch_of_standalone_activities(no_activities: System) -> None:
    with pytest.raises(NotSetUp, match=r"standalone activities are off .* set activity\.enableStandalone"):
        async with orders_relay(no_activities.client, no_activities.stack.database_url, no_activities.settings):
            pass


async def test_a_worker_without_standalone_activities_warns_and_runs_orders(
    no_activities: System, caplog: pytest.LogCaptureFixture
) -> None:
    async with orders_worker(no_activities.client, no_activities.stack.database_url, no_activities.settings):
        result = await result_of(await no_activities.start(Scenario("orchestrated").order()))

    assert result is not None
    assert result.status is Status.COMPLETED
    assert "activity.enableStandalone" in caplog.text


async def test_only_a_service_with_its_own_database_needs_standalone_activities(no_activities: System) -> None:
    url, settings = no_activities.stack.database_url, no_activities.settings
    own = DatabaseUrls(orders=None, inventory=None, payments=url, shipping=None)

    with pytest.raises(NotSetUp, match=r"services with their own database need them: set activity\.enableStandalone"):
        async with participants_worker(no_activities.client, own, settings, served=("payments",)):
            pass
    async with participants_worker(no_activities.client, url, settings, served=("payments",)):
        pass


async def test_a_choreographed_order_that_can_not_be_delivered_is_refused(no_activities: System) -> None:
    body = as_bytes(order_document("undeliverable"))
    ran = await command(no_activities, "place", "-", "--style", "choreographed", stdin=body)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "activity.enableStandalone" in ran.err
    assert await no_activities.one("select 1 from orders.orders where order_id = 'undeliverable'") is None


async def test_stuck_names_an_order_that_can_not_be_delivered(no_activities: System) -> None:
    order = Scenario("accepted").order()
    await no_activities.services.choreographed_orders.place(order)

    ran = await command(no_activities, "stuck", "--older-than", "0s", "--json")

    [found] = [each for each in ran.document["stuck"] if each["process_id"] == workflow_id(order.order_id)]
    assert found["cause"] == "undelivered"
    assert "activity.enableStandalone" in found["detail"]
    assert found["since"] is not None


async def test_stuck_names_an_order_without_a_relay_or_a_worker(servers: Stack) -> None:
    async with open_system(servers) as system:
        order = Scenario("no-relay").order()
        await system.services.choreographed_orders.place(order)
        [found] = (await system.orders.stuck(timedelta(0))).stuck
        assert (found.cause, found.help) == ("undelivered", "python worker.py --relay-only")

        await system.one("update orders.outbox set published_at = now() returning 1")
        assert (await system.orders.stuck(timedelta(0))).stuck == []
        await system.one("update trace.processes set due_at = now() - interval '1 minute' returning 1")
        [found] = (await system.orders.stuck(timedelta(seconds=30))).stuck
        assert (found.cause, found.help) == ("undelivered", "python worker.py")


async def test_a_server_without_updates_or_schedules_is_refused(servers: Stack) -> None:
    switches = [OFF.format(feature.switch) for feature in (UPDATES, SCHEDULES)]
    async with server_with(*switches) as address, system_on(address, servers) as system:
        assert {UPDATES, SCHEDULES} <= await missing_features(system.client)
        with pytest.raises(NotSetUp, match=r"set frontend\.enableUpdateWorkflowExecution in"):
            await require_features(system.client, UPDATES)
        ran = await command(system, "setup")
        with pytest.raises(NotSetUp, match=r"set frontend\.enableSchedules"):
            async with orders_worker(system.client, system.stack.database_url, system.settings):
                pass

    assert ran.code == 2
    assert "frontend.enableSchedules" in ran.err.splitlines()[-1]
    assert ASYNC_UPDATES.switch.startswith(UPDATES.switch)


async def test_a_versioned_worker_needs_deployment_versions(servers: Stack) -> None:
    versioned = {"deployment": "orders", "build_id": "2026-11-01"}
    async with server_with(OFF.format(DEPLOYMENTS.switch)) as address, system_on(address, servers) as system:
        await create_search_attributes(system.client)
        await bind(system.client, system.services.installation)
        settings = system.settings.model_copy(update=versioned)
        with pytest.raises(NotSetUp, match=r"set system\.enableDeploymentVersions in"):
            async with orders_worker(system.client, system.stack.database_url, settings):
                pass
        async with orders_worker(system.client, system.stack.database_url, system.settings):
            pass

    await require_deployments(await new_namespace(servers))


async def test_a_namespace_whose_int_attributes_are_used_up_is_refused(servers: Stack) -> None:
    async with server_with() as address, system_on(address, servers) as system:
        kind = IndexedValueType.INDEXED_VALUE_TYPE_INT
        for number in range(3):
            request = AddSearchAttributesRequest(namespace="default", search_attributes={f"Int{number}": kind})
            await system.client.operator_service.add_search_attributes(request)

        ran = await command(system, "setup")
        assert ran.code == 2
        assert "AmountAtRisk (Int)" in ran.err.splitlines()[-1]
        assert "cannot have more than 3 search attribute of type Int" in ran.err.splitlines()[-1]
        with pytest.raises(NotSetUp, match=r"lacks the search attributes .*python starter\.py setup"):
            async with orders_worker(system.client, system.stack.database_url, system.settings):
                pass
        listed = await command(system, "list", "--status", "needs_attention")
        assert (listed.code, listed.err.count("\n")) == (2, 1), listed
        assert "python starter.py setup" in listed.err
        # A worker that began while they existed.
        async with build(system.client, system.services, system.settings):
            handle = await system.start(Scenario("goes-back", postcode="00000").order())
            found = await failing(system, handle.id)
            await handle.terminate()

    assert "search attribute" in found.detail
    assert found.help == "python starter.py setup"


@pytest.mark.parametrize("refusal", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED])
async def test_attributes_that_the_client_may_not_list_are_found_by_a_query(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, refusal: RPCStatusCode
) -> None:
    async def refused(_: Client) -> None:
        raise RPCError("not allowed", refusal, b"")

    client = await new_namespace(servers)
    bare = Client(client.service_client, namespace="temporal-system")
    monkeypatch.setattr(search_attributes, "missing_search_attributes", refused)

    await check_search_attributes(client)
    assert await create_search_attributes(client) == ()
    with pytest.raises(NotSetUp, match="lacks the search attributes OrderStatus, AmountAtRisk"):
        await check_search_attributes(bare)


async def failing(system: System, process_id: str) -> StuckProcess:
    """Wait until `stuck` shows a failing workflow task of a process."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            for each in (await system.orders.stuck(timedelta(0))).stuck:
                if (each.process_id, each.cause) == (process_id, "task_failing"):
                    return each
            await asyncio.sleep(0.1)
