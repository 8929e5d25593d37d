"""Commands that wait outlast an outage of a server, say that they wait, and keep what they know."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from client.progress import follow
from models.errors import WorkflowGone
from models.names import workflow_id
from runtime.embedded.stack import Stack
from tests.cli.conftest import Ran, as_bytes, order_document, run_here, run_starter
from tests.cli.operate.parking import new_id, paying_with, shipped_to
from tests.faults.chaos.strikes.proxy import Link
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, delete, step_reached
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]
# Longer than the SDK repeats a call by itself, which is 10 s.
AWAY = 12.0


@asynccontextmanager
async def behind_a_link(servers: Stack) -> AsyncIterator[tuple[System, Link, dict[str, str]]]:
    """Yield a system with a worker, the link between a command and Temporal, and the command's environment."""
    async with open_system(servers) as system:
        host, port = system.stack.temporal_address.rsplit(":", 1)
        link = Link("temporal", lambda: asyncio.open_connection(host, int(port)))
        async with link.open(), orders_worker(system.client, system.stack.database_url, system.settings):
            yield system, link, system.environment() | {"TEMPORAL_ADDRESS": f"127.0.0.1:{link.port}"}


async def placed(system: System, order_id: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await system.one("select 1 from orders.orders where order_id = %s", order_id):
            await asyncio.sleep(0.05)


async def test_place_and_batch_outlast_a_restart_and_say_so(servers: Stack) -> None:
    async with behind_a_link(servers) as (system, link, environment):
        order_id, name = new_id(), new_id("batch")
        order = as_bytes(order_document(order_id, **shipped_to("00009")))
        placing = asyncio.create_task(asyncio.to_thread(run_starter, environment, "place", "-", "--json", stdin=order))
        arguments = ("batch", "200", "--concurrency", "2", "--name", name, "--json")
        running = asyncio.create_task(asyncio.to_thread(run_starter, environment, *arguments))
        await placed(system, order_id)
        await placed(system, f"{name}-3")
        link.cut()
        await asyncio.sleep(AWAY)
        link.heal()
        one, many = await placing, await running

    assert one.code in {0, 3}, one.err  # how the order itself ends
    assert one.document["status"] in {"completed", "compensated"}
    assert one.document["placed_before"] is False
    assert many.code == 0, many.err
    assert (many.document["outcomes"], many.document["placed_before"]) == ({"completed": 200}, 0)
    for ran in (one, many):
        assert 1 <= ran.err.count("; waits for it, ") <= 3, ran.err
        assert "unexpected" not in ran.err


async def test_what_comes_of_a_command_is_awaited_through_a_restart(servers: Stack) -> None:
    async with behind_a_link(servers) as (system, link, environment):
        within, cancelled = new_id("within"), new_id("cancelled")
        order = as_bytes(order_document(within, **shipped_to("00009")))
        arguments = ("place", "-", "--within", "20", "--json")
        placing = asyncio.create_task(asyncio.to_thread(run_starter, environment, *arguments, stdin=order))
        await placed(system, within)
        # Its refund fails some times before it succeeds, so that the cancel is still being carried out in the outage.
        slow = as_bytes(order_document(cancelled, **shipped_to("00009"), **paying_with("tok_refund_flaky_4")))
        waits = await asyncio.to_thread(run_here, system.environment(), "place", "-", "--no-wait", stdin=slow)
        assert waits.code == 0, waits.err
        handle = system.client.get_workflow_handle(workflow_id(cancelled))
        await step_reached(system, handle, "ship")
        # In this process: a start takes seconds on a busy machine, and after some seconds the step is given up.
        asked = ("cancel", cancelled, "--reason", "late", "--actor", "ann", "--wait", "60", "--json")
        cancelling = asyncio.create_task(asyncio.to_thread(run_here, environment, *asked))
        await step_reached(system, handle, "charge", "undo")
        link.cut()
        await asyncio.sleep(AWAY)
        link.heal()
        one, other = await placing, await cancelling

    assert one.code in {0, 3}, one.err  # how the order itself ends, or that it still runs
    assert one.document["order_id"] == within
    assert (other.code, other.document["status"], other.document["in_progress"]) == (0, "cancelled", False), other.err


async def test_a_batch_that_an_outage_ends_keeps_its_tally(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.outages.OUTLASTED", 1.0)
    async with behind_a_link(servers) as (system, link, environment):
        name = new_id("batch")
        arguments = ("batch", "10000", "--concurrency", "2", "--name", name, "--json")
        running = asyncio.create_task(asyncio.to_thread(run_here, environment, *arguments))
        await placed(system, f"{name}-5")
        link.cut()
        ran: Ran = await running

    assert ran.code == 4, ran.err
    assert json.loads(ran.out)["outcomes"]["completed"] >= 1
    assert f"--name {name} continues the batch" in ran.err


async def test_a_followed_order_whose_workflow_is_deleted_ends_the_wait(servers: Stack) -> None:
    async with open_system(servers) as system:
        async with orders_worker(system.client, system.stack.database_url, system.settings):
            open_order, ended = Scenario("deleted", postcode="00009").order(), Scenario("ended").order()
            waits, known = await system.orders.place(open_order), await system.orders.place(ended)
            await system.orders.result(known)
            await step_reached(system, system.client.get_workflow_handle(workflow_id(open_order.order_id)), "ship")
            following = asyncio.create_task(follow(waits.run, lambda _: None))
            for order in (open_order, ended):
                await delete(system, system.client.get_workflow_handle(workflow_id(order.order_id)))

            async with asyncio.timeout(SECONDS_TO_HAPPEN):
                # The server terminates a run before it deletes the run, and a waiting caller may learn of either.
                await asyncio.wait([following])
                if not isinstance(following.exception(), WorkflowGone):
                    assert "ended without a result" in (following.result().result.reason or "")
                with pytest.raises(WorkflowGone, match="is open, but its workflow is gone"):
                    await follow(waits.run, lambda _: None)
                assert (await follow(known.run, lambda _: None)).result.status == "completed"
        watched = await asyncio.to_thread(run_here, system.environment(), "watch", open_order.order_id)
        assert (watched.code, watched.err.count("\n")) == (3, 1)
