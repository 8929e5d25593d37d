"""A reset gives an order a new run; its keys stay, so nothing is charged, shipped or given back a second time."""

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle

from models.commands import CancelOrder, CommandAccepted
from models.order import Order
from models.process import OrderResult
from tests.conservation import assert_conserved
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import books
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]
Handle = WorkflowHandle[Any, OrderResult]
WORKFLOW_TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
ENDED = [s for s in SCENARIOS if s.name in {"completed", "declined", "carrier-refuses", "no-stock"}]


async def workflow_tasks(handle: Handle) -> list[int]:
    return [e.event_id async for e in handle.fetch_history_events() if e.event_type == WORKFLOW_TASK_COMPLETED]


async def reset(system: System, handle: Handle, event_id: int) -> Handle:
    """Reset the first run of an order to the end of a workflow task; return the new run."""
    first = WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id or "")
    answer = await system.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=system.client.namespace,
            workflow_execution=first,
            reason="test",
            workflow_task_finish_event_id=event_id,
            request_id=f"{handle.id}-{event_id}",
        )
    )
    return system.client.get_workflow_handle(handle.id, run_id=answer.run_id, result_type=OrderResult)


async def effects(system: System, order: Order) -> dict[str, Any]:
    """Return what the outside parties and our own books hold of an order, with how often each thing happened."""
    took = "select count(*)::int from {}.calls where key = %s and outcome = %s"
    charge, ship = f"{order.order_id}:charge", f"{order.order_id}:ship"
    return await books(system, order) | {
        "charges": await system.one(took.format("card_provider"), charge, "taken"),
        "refunds": await system.one(took.format("card_provider"), charge, "taken_back"),
        "parcels": await system.one(took.format("carrier"), ship, "taken"),
        "recalls": await system.one(took.format("carrier"), ship, "taken_back"),
        "entries": await system.one("select count(*)::int from payments.ledger where key = %s", charge),
    }


@pytest.mark.parametrize("scenario", ENDED, ids=lambda scenario: scenario.name)
async def test_a_reset_to_any_workflow_task_has_no_second_effect(system: System, scenario: Scenario) -> None:
    order = scenario.order()
    handle = await system.start(order)
    before_result = await result_of(handle)
    assert before_result
    before = await effects(system, order)

    for event_id in await workflow_tasks(handle):
        again = await reset(system, handle, event_id)
        result = await result_of(again)
        assert result, event_id
        assert result.status == before_result.status == scenario.status, event_id
        assert await effects(system, order) == before, event_id
        assert (await system.state(again)).status == scenario.status
    await assert_conserved(system.db)


async def test_a_reset_of_a_running_order_charges_and_ships_once(system: System) -> None:
    order = Scenario("running", postcode="00002").order()
    handle = await system.start(order)
    query = "select 1 from carrier.calls where key = %s and outcome = 'unavailable'"
    async with asyncio.timeout(20):
        while not await system.one(query, f"{order.order_id}:ship"):
            await asyncio.sleep(0.01)

    again = await reset(system, handle, (await workflow_tasks(handle))[0])
    result = await result_of(again)

    assert result
    assert result.status == "completed"
    after = await effects(system, order)
    assert (after["charges"], after["parcels"], after["refunds"], after["entries"]) == (1, 1, 0, 2)
    await assert_conserved(system.db)


@pytest.mark.parametrize("how", ["native", "update"])
async def test_a_reset_of_a_cancelled_order_ends_cancelled_again(system: System, how: str) -> None:
    order = Scenario("cancelled", token="tok_flaky_2").order()
    handle = await system.start(order)
    query = "select 1 from card_provider.calls where key = %s"
    async with asyncio.timeout(20):
        while not await system.one(query, f"{order.order_id}:charge"):
            await asyncio.sleep(0.01)
    if how == "native":
        await handle.cancel()
    else:
        await handle.execute_update("cancel_order", CancelOrder(reason="no"), result_type=CommandAccepted)
    assert await result_of(handle) is None
    before = await effects(system, order)

    for event_id in await workflow_tasks(handle):
        again = await reset(system, handle, event_id)
        result = await result_of(again)
        assert result is None or result.status in {"compensated", "cancelled"}, event_id
        assert await effects(system, order) == before, event_id
    await assert_conserved(system.db)
