"""Payments' worker or database gone: in both styles only the orders that need it wait, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from models.order import Order
from models.participants import SERVICES
from models.process import Status
from runtime.embedded.stack import Stack
from tests.choreography.conftest import order_status
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import SECONDS_TO_HAPPEN, receipts
from tests.orders.scenarios import Scenario
from tests.systems import System
from tests.topologies import Apart, open_on_four_servers

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def apart(servers: Stack) -> AsyncIterator[Apart]:
    async with open_on_four_servers(servers) as apart:
        yield apart
        await assert_all_conserved(apart.system)


@asynccontextmanager
async def without_payments(apart: Apart, gone: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Run all workers without that of payments, or without its database; yield what brings it back."""
    async with AsyncExitStack() as workers:
        for owner in ("orders", "inventory", "shipping"):
            await workers.enter_async_context(apart.working(owner))
        if gone == "database":
            await workers.enter_async_context(apart.working("payments"))
            await asyncio.to_thread(apart.servers["payments"].stop)

        async def back() -> None:
            if gone == "database":
                await apart.servers["payments"].start()
            else:
                await workers.enter_async_context(apart.working("payments"))

        yield back


async def placed(system: System, scenario: Scenario, **changes: object) -> list[Order]:
    """Place an order of a scenario in each style."""
    orchestrated, choreographed = scenario.order(**changes), scenario.order(**changes)
    await system.start(orchestrated)
    await system.services.choreographed_orders.place(choreographed)
    return [orchestrated, choreographed]


async def until_ended(system: System, order: Order) -> Status:
    """Wait until an order of either style has ended, also one that no worker has accepted yet."""
    query = "select status from orders.orders where order_id = %s"
    async with asyncio.timeout(2 * SECONDS_TO_HAPPEN):
        while (status := await system.one(query, order.order_id)) is None or not Status(status).final:
            await asyncio.sleep(0.1)
    return Status(status)


async def until_reserved(system: System, order: Order) -> None:
    query = "select status from inventory.receipts where key = %s"
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while await system.one_of("inventory", query, f"{order.order_id}:reserve") is None:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("gone", ["worker", "database"])
async def test_only_orders_that_need_payments_wait_and_all_end_when_it_is_back(apart: Apart, gone: str) -> None:
    system = apart.system
    async with without_payments(apart, gone) as back:
        waiting = await placed(system, Scenario(f"waits-{gone}"))
        late = await placed(system, Scenario(f"late-{gone}"), deadline_seconds=4)
        for order in [*waiting, *late]:
            await until_reserved(system, order)
        # Orders that need no payment end meanwhile.
        for order in await placed(system, Scenario(f"unsold-{gone}", lines=(("SKU-RARE", 2),))):
            assert await until_ended(system, order) is Status.COMPENSATED
        await until_going_back(system, *late)
        assert not [order for order in [*waiting, *late] if (await order_status(system.db, order)).final]

        await back()
        ends = [await until_ended(system, order) for order in [*waiting, *late]]
        letters = await system.services.dead_letters.groups()

    assert ends == [Status.COMPLETED] * 2 + [Status.COMPENSATED] * 2
    assert letters == []
    for order in waiting:
        assert await receipts(system, order.order_id) == dict.fromkeys(SERVICES, "settled")
    for order in late:
        assert (await receipts(system, order.order_id))["inventory"] == "undone"


async def until_going_back(system: System, orchestrated: Order, choreographed: Order) -> None:
    """Wait until the deadlines of two orders have taken effect."""
    handle = system.client.get_workflow_handle(f"order-{orchestrated.order_id}")
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await system.state(handle)).status is not Status.COMPENSATING:
            await asyncio.sleep(0.1)
        await until_traced(system, choreographed, "ShipmentRecalled")


async def until_traced(system: System, order: Order, of_type: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while of_type not in {event.type for event in await system.services.trace.events(order.order_id)}:
            await asyncio.sleep(0.1)


async def test_parcels_and_stock_of_charged_orders_are_final_while_payments_is_gone(apart: Apart) -> None:
    system = apart.system
    async with AsyncExitStack() as workers:
        for owner in ("orders", "inventory"):
            await workers.enter_async_context(apart.working(owner))
        async with apart.working("payments"):
            orders = await placed(system, Scenario("charged"))
            for order in orders:
                await until_receipt(system, order, "payments", "done")
            await until_traced(system, orders[1], "PaymentCharged")
        await workers.enter_async_context(apart.working("shipping"))
        for order in orders:
            await until_receipt(system, order, "shipping", "settled")
        # Of an orchestrated order, the stock is settled beside the money; a choreographed one goes step by step.
        await until_receipt(system, orders[0], "inventory", "settled")
        assert [(await receipts(system, order.order_id))["payments"] for order in orders] == ["done"] * 2

        await workers.enter_async_context(apart.working("payments"))
        assert [await until_ended(system, order) for order in orders] == [Status.COMPLETED] * 2


async def until_receipt(system: System, order: Order, service: str, status: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await receipts(system, order.order_id))[service] != status:
            await asyncio.sleep(0.1)
