"""Whole orders whose payments the program in TypeScript serves: the same outcomes and books as with the Python service.

The orders run while the first tests wait; the tests of lost answers, which take longest, are the last ones.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from client.commands import deliver
from models.commands import CancelOrder
from models.order import Order
from models.process import Status
from runtime.embedded.stack import Stack
from tests.choreography.conftest import until_ended
from tests.conservation import assert_conserved
from tests.orders.apart.running import queues_of, with_apart
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import ends_as_expected, expected_records, records_of
from tests.orders.waiting.transfers import ledger, settled, transfer_order, until, waiting
from tests.participants.programs import in_typescript
from tests.systems import System, open_system, result_of
from worker import orders_worker

pytestmark = pytest.mark.server
EXPRESS = [Scenario("express", express=True), Scenario("express-back", express=True, postcode="00000")]
BY_LENGTH = sorted(SCENARIOS, key=lambda scenario: (scenario.slow, "lost" in scenario.token))


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system with a worker of the orders in Python, and the payments in TypeScript."""
    async with open_system(servers) as system, in_typescript(system):
        async with orders_worker(system.client, system.stack.database_url, with_apart(system, "payments")):
            yield system
        await assert_conserved(system.db)


@dataclass(frozen=True)
class Placed:
    """An order whose charge is made in TypeScript, and the same order by events, whose charge is made in Python."""

    orchestrated: Order
    handle: WorkflowHandle[Any, Any]
    choreographed: Order


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[dict[str, Placed]]:
    found = dict[str, Placed]()
    for scenario in SCENARIOS:
        orchestrated, choreographed = scenario.order(), scenario.order()
        found[scenario.name] = Placed(orchestrated, await system.start(orchestrated), choreographed)
        await system.services.choreographed_orders.place(choreographed)
    yield found
    await asyncio.gather(*(result_of(each.handle) for each in found.values()))


async def test_an_order_by_transfer_completes(system: System, placed: dict[str, Placed]) -> None:
    handle = await waiting(system, order := transfer_order("paid"))
    await deliver(handle, settled())
    result = await result_of(handle)

    assert result
    assert result.status is Status.COMPLETED
    assert await ledger(system, order) == ("charge settle", "settled")
    queues = await queues_of(handle)
    for activity in ("charge_payment", "book_transfer", "settle_payment"):
        assert queues[activity] == ["payments"]


async def test_a_transfer_is_sent_back_when_the_carrier_refuses(system: System, placed: dict[str, Placed]) -> None:
    handle = await waiting(system, order := transfer_order("returned", postcode="00000"))
    await deliver(handle, settled())
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == (Status.COMPENSATED, ("charge", "reserve"))
    assert await ledger(system, order) == ("charge refund", "returned")


async def test_a_cancelled_order_expects_its_transfer_no_more(system: System, placed: dict[str, Placed]) -> None:
    handle = await waiting(system, order := transfer_order("cancelled"))
    await system.orders.cancel(order.order_id, CancelOrder(reason="a test"))
    await until(system, handle, Status.CANCELLED)

    assert await ledger(system, order) == ("", "void")


@pytest.mark.parametrize("scenario", EXPRESS, ids=lambda scenario: scenario.name)
async def test_an_express_order_is_charged_on_the_queue(
    system: System, placed: dict[str, Placed], scenario: Scenario
) -> None:
    handle = await system.start(scenario.order())
    result = await result_of(handle)

    assert result
    assert result.status is (Status.COMPENSATED if "back" in scenario.name else Status.COMPLETED)
    assert (await queues_of(handle))["charge_payment"] == ["payments"]


@pytest.mark.parametrize("scenario", BY_LENGTH, ids=lambda scenario: scenario.name)
async def test_an_order_ends_as_with_the_python_service(
    system: System, placed: dict[str, Placed], scenario: Scenario
) -> None:
    order = placed[scenario.name]

    await ends_as_expected(system, scenario, order.orchestrated, order.handle)
    await until_ended(system.db, order.choreographed)

    total = await system.one("select total from orders.orders where order_id = %s", order.choreographed.order_id)
    assert await records_of(system, order.choreographed) == expected_records(scenario, total)
