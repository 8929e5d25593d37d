"""Express orders: their steps run inside the workflow task, and all guarantees hold when that task is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from models.order import Order
from tests.conservation import assert_conserved
from tests.orders.moments.held import HeldOrders, held_orders
from tests.orders.moments.test_cancel_everywhere import How, cancelled_at, each_way, moments_of
from tests.orders.scenarios import EXPRESS, Scenario
from tests.orders.test_scenarios import expected_records, records_of
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]
Handle = WorkflowHandle[Any, Any]


COMPLETED, REFUSED = EXPRESS[0], next(s for s in EXPRESS if s.name == "express-carrier-refuses")


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[dict[str, tuple[Order, Handle]]]:
    orders = {scenario.name: scenario.order() for scenario in EXPRESS}
    handles = await asyncio.gather(*(system.start(order) for order in orders.values()))
    yield dict(zip(orders, zip(orders.values(), handles, strict=True), strict=True))
    await asyncio.gather(*(result_of(handle) for handle in handles))
    await assert_conserved(system.db)


@pytest.mark.parametrize("scenario", EXPRESS, ids=lambda scenario: scenario.name)
async def test_an_express_order_ends_as_any_order_of_its_scenario(
    system: System, placed: dict[str, tuple[Order, Handle]], scenario: Scenario
) -> None:
    order, handle = placed[scenario.name]

    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == (
        scenario.status,
        scenario.failed_step,
        scenario.undone,
    )
    assert await records_of(system, order) == expected_records(scenario, result.total.amount if result.total else 0)


async def events_of(handle: Handle) -> Counter[str]:
    names = [EventType.Name(event.event_type) async for event in handle.fetch_history_events()]
    return Counter(name.removeprefix("EVENT_TYPE_") for name in names)


async def test_a_completed_express_order_is_one_workflow_task_and_13_events(system: System) -> None:
    handle = await system.start(COMPLETED.order())
    await result_of(handle)

    assert await events_of(handle) == {
        "WORKFLOW_EXECUTION_STARTED": 1,
        "WORKFLOW_TASK_SCHEDULED": 1,
        "WORKFLOW_TASK_STARTED": 1,
        "WORKFLOW_TASK_COMPLETED": 1,
        "MARKER_RECORDED": 8,
        "WORKFLOW_EXECUTION_COMPLETED": 1,
    }


@pytest.fixture(scope="module")
async def held(system: System) -> AsyncIterator[HeldOrders]:
    async with held_orders(system) as held:
        yield held
    await assert_conserved(system.db, at_rest=False)  # other orders may be running; `ending` checks each order


@each_way
@pytest.mark.parametrize("path", [COMPLETED, REFUSED], ids=lambda path: path.name)
async def test_a_cancel_at_every_moment_between_worker_and_server(held: HeldOrders, path: Scenario, how: How) -> None:
    moments = await moments_of(held, path)

    endings = await asyncio.gather(*(cancelled_at(held, path, how, moment) for moment in range(1, moments + 1)))

    if how == "update":
        assert all(accepted == (status == "cancelled") for status, accepted in endings)
    else:  # a native cancel finds the only workflow task running, which is then executed again
        assert {status for status, _ in endings} == {path.status}  # the lost task had already recorded this outcome
