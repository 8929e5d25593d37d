"""What `stuck` says of a choreographed order that waits for a service apart: the command that helps."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.worker import Worker

from client.diagnosis.findings import Cause, StuckProcess
from models.names import workflow_id
from models.order import Order
from models.participants import SERVICES
from models.process import Status
from runtime.embedded.stack import Stack
from serving.participants import participants_ready
from tests.choreography.conftest import until_ended
from tests.conservation import assert_conserved
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import SECONDS_TO_HAPPEN, serving, with_apart, workers
from tests.orders.scenarios import Scenario
from tests.systems import System, open_apart, open_system
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(180)]
SERVE_PAYMENTS = "python worker.py --serve payments"


async def silent(system: System, order: Order, words: str) -> StuckProcess:
    """Let time pass until an order is stuck and these words say why."""
    late = "update trace.processes set due_at = now() - interval '1 second' where process_id = %s returning 1"
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            await system.one(late, order.order_id)
            for each in (await system.orders.stuck(timedelta(0))).stuck:
                if each.process_id == workflow_id(order.order_id) and words in each.detail:
                    return each
            await asyncio.sleep(0.2)


@pytest.fixture
async def together(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system
        await assert_conserved(system.db)


@pytest.fixture
async def own(servers: Stack) -> AsyncIterator[System]:
    async with open_apart(servers) as system:
        yield system
        await assert_all_conserved(system)


async def test_a_delivery_waits_for_a_worker_of_its_service(together: System) -> None:
    order = Scenario("events-wait").order()
    await together.services.choreographed_orders.place(order)
    async with workers(together, apart=("payments",)):
        found = await silent(together, order, "its delivery is on the task queue payments")

        assert (found.cause, found.at_risk, found.help_command) == (Cause.UNDELIVERED, 4970, SERVE_PAYMENTS)
        async with serving(together, "payments"):
            assert await until_ended(together.db, order) is Status.COMPLETED


async def test_an_event_waits_for_the_relay_of_a_service_with_its_own_database(own: System) -> None:
    order = Scenario("events-kept").order()
    await own.services.choreographed_orders.place(order)
    async with orders_worker(own.client, own.urls, with_apart(own, *SERVICES)), serving(own, "inventory", "shipping"):
        async with (
            participants_ready(own.client, own.urls, own.settings, served=("payments",)) as offered,
            Worker(own.client, task_queue="payments", activities=offered.activities["payments"]),
        ):
            found = await silent(own, order, "its event PaymentCharged has no effect: no relay of payments")

        assert (found.cause, found.help_command) == (Cause.UNDELIVERED, SERVE_PAYMENTS)
        async with serving(own, "payments"):
            assert await until_ended(own.db, order) is Status.COMPLETED
