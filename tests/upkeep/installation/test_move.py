"""A database or a namespace is moved by a command of its own, and what served before stops."""

import asyncio
from dataclasses import replace

import pytest

from activities import installation_guard
from activities.installation import check_installation
from client.installation import bind, move
from models.errors import Conflict, InvalidInput, WrongInstallation
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.installation.installation import Installation
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.servers import new_database, new_namespace
from tests.systems import POOL, System
from tests.upkeep.conftest import SECONDS_TO_HAPPEN
from tests.upkeep.installation.conftest import command
from worker import orders_worker, services_on

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def test_a_move_names_what_is_moved_and_waits_for_unfinished_orders(unbound: System, servers: Stack) -> None:
    await bind(unbound.client, unbound.services.installation)
    order = Scenario("unfinished").order()
    await Orders(unbound.db).accept(order)
    target = replace(unbound, client=await new_namespace(servers))
    database, namespace = unbound.db.place.rpartition("/")[2], target.client.namespace
    confirmed = ["move", "--database", database, "--namespace", namespace]

    assert (await command(target, "move", "--database", "another", "--namespace", namespace)).code == 2
    assert (await command(target, "move", "--database", database, "--namespace", "another")).code == 2
    waits = await command(target, *confirmed)
    assert (waits.code, waits.err.count("\n")) == (6, 1)
    assert "1 orders and slips are unfinished" in waits.err
    await check_installation(unbound.client, unbound.services.installation)

    moved = await command(target, *confirmed, "--with-unfinished", "--json")
    assert (moved.code, moved.document["moved"]) == (0, True), moved.err
    again = await command(target, *confirmed, "--json")
    assert (again.code, again.document["moved"]) == (0, False), again.err

    await check_installation(target.client, unbound.services.installation)
    with pytest.raises(WrongInstallation):
        await check_installation(unbound.client, unbound.services.installation)


async def test_a_move_takes_a_namespace_from_another_database(unbound: System, servers: Stack) -> None:
    await bind(unbound.client, unbound.services.installation)
    async with await Database.open(new_database(servers.database_url), size=POOL) as db:
        services = services_on(db, unbound.settings)
        name = db.place.rpartition("/")[2]
        with pytest.raises(InvalidInput, match="--database"):
            await move(unbound.client, services, database="x", namespace=unbound.client.namespace, with_unfinished=True)
        handle = await unbound.start(Scenario("runs-there").order())
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while not (
                await unbound.client.count_workflows("ExecutionStatus = 'Running' AND WorkflowType = 'OrderWorkflow'")
            ).count:
                await asyncio.sleep(0.1)
        with pytest.raises(Conflict, match=r"1 run in the namespace"):
            await move(
                unbound.client, services, database=name, namespace=unbound.client.namespace, with_unfinished=False
            )
        await handle.terminate()

        assert await move(
            unbound.client, services, database=name, namespace=unbound.client.namespace, with_unfinished=True
        )

        await check_installation(unbound.client, Installation(db))
    with pytest.raises(WrongInstallation, match="belongs to the database"):
        await check_installation(unbound.client, unbound.services.installation)


async def test_a_move_migrates_a_database_that_is_behind(unbound: System, servers: Stack) -> None:
    await bind(unbound.client, unbound.services.installation)
    target = replace(unbound, client=await new_namespace(servers))
    await unbound.db.rows(b"drop schema wrapping cascade")
    name = unbound.db.place.rpartition("/")[2]
    assert (await command(target, "setup")).code == 6
    assert (await command(target, "move", "--database", "another", "--namespace", target.client.namespace)).code == 2
    assert await unbound.one("select to_regnamespace('wrapping')::text") is None

    moved = await command(target, "move", "--database", name, "--namespace", target.client.namespace)

    assert moved.code == 0, moved.err
    async with orders_worker(target.client, target.stack.database_url, target.settings):
        pass


async def test_a_running_worker_stops_after_a_move(
    unbound: System, servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_guard, "SECONDS_BETWEEN_CHECKS", 0.05)
    await bind(unbound.client, unbound.services.installation)
    target = await new_namespace(servers)
    name = unbound.db.place.rpartition("/")[2]

    async def serve() -> None:
        async with orders_worker(unbound.client, unbound.stack.database_url, unbound.settings):
            await move(target, unbound.services, database=name, namespace=target.namespace, with_unfinished=False)
            await asyncio.Event().wait()

    with pytest.raises(WrongInstallation):
        await asyncio.wait_for(serve(), SECONDS_TO_HAPPEN)


async def test_a_cancel_of_the_worker_is_not_taken_for_a_move(one: System) -> None:
    started = asyncio.Event()

    async def serve() -> None:
        async with orders_worker(one.client, one.stack.database_url, one.settings):
            started.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await started.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
