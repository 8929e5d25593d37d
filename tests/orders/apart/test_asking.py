"""What a service with its own database asks the orders, and what it does without an answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.worker import Worker

from activities.accepted import AcceptedByCall
from models.errors import NotBegun
from models.participants import SERVICES
from models.process import Status
from runtime.embedded.stack import Stack
from runtime.process import Arguments
from services.accepted import Accepted, AcceptedMemory
from services.orders.orders import Orders
from tests.choreography.conftest import until_ended
from tests.orders.apart.running import Handle, serving, with_apart
from tests.orders.scenarios import Scenario
from tests.systems import System, open_apart, result_of
from worker import build, configuration, orders_worker, program

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(180)]
SECONDS_TO_HAPPEN = 60


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_apart(servers) as system:
        yield system


async def test_only_the_steps_of_the_asking_service_are_answered(system: System) -> None:
    order = Scenario("asked").order()
    await Orders(system.db).accept(order)
    async with orders_worker(system.client, system.urls, with_apart(system, *SERVICES)):
        found = await AcceptedByCall(system.client, "charge_payment").find(order.order_id)
        unknown = [await AcceptedByCall(system.client, "charge_payment").find(each) for each in ("none", "slip.none")]

    assert found
    assert (found.process, found.ended, list(found.steps)) == (order.order_id, False, ["charge"])
    assert found.steps["charge"].values.keys() == {"amount", "token"}
    assert unknown == [None, None]


async def test_a_relay_alone_publishes_the_events_of_every_database(system: System) -> None:
    order, relay = Scenario("relayed").order(), program(Arguments(relay_only=True))
    await system.services.choreographed_orders.place(order)
    async with (
        relay.ready(system.client, system.urls, system.settings),
        build(system.client, system.services, system.settings),
        relay.run(system.client, system.urls, system.settings),
    ):
        assert await until_ended(system.db, order) is Status.COMPLETED


async def test_a_process_that_serves_the_orders_and_a_service_answers_once_for_its_events(system: System) -> None:
    order, both = Scenario("both").order(), program(Arguments(serve=("orders", "shipping")))
    async with both.run(system.client, system.urls, system.settings):
        await system.services.choreographed_orders.place(order)
        assert await until_ended(system.db, order) is Status.COMPLETED


async def test_without_a_worker_of_the_orders_nothing_begins(system: System) -> None:
    with pytest.raises(NotBegun, match="no worker of the task queue orders answers"):
        await AcceptedByCall(system.client, "charge_payment").find("o-1")


async def test_the_answer_is_remembered_while_the_process_is_open(system: System) -> None:
    order = Scenario("remembered").order()
    await Orders(system.db).accept(order)
    accepted = Accepted(AcceptedByCall(system.client, "charge_payment"), AcceptedMemory())
    async with orders_worker(system.client, system.urls, with_apart(system, *SERVICES)):
        first = await accepted.of(order.order_id)

    assert await accepted.of(order.order_id) == first
    with pytest.raises(NotBegun):
        await accepted.of(order.order_id, fresh=True)


async def test_a_step_waits_until_the_orders_answer(system: System) -> None:
    order = Scenario("unanswered").order()
    config = configuration(system.client, system.services, with_apart(system, *SERVICES))
    activities = [each for each in config["activities"] if each.__name__ != "find_accepted"]
    async with serving(system, *SERVICES):
        async with Worker(**(config | {"activities": activities})):
            handle = await system.start(order)
            await until_tried(handle)
        async with orders_worker(system.client, system.urls, with_apart(system, *SERVICES)):
            result = await result_of(handle)

    assert result
    assert result.status is Status.COMPLETED


async def until_tried(handle: Handle) -> None:
    """Wait until an activity has failed because the orders didn't answer."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if any("the orders were asked" in each.last_failure.message for each in pending):
                return
            await asyncio.sleep(0.1)
