"""What a workflow task did that the server never heard of stands, whatever else comes before it is decided again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError

from models.names import SLIP_WORKFLOW, slip_workflow_id
from models.slips.slip import CancelSlip, SlipCommandAccepted, SlipResult
from tests.conservation import assert_conserved
from tests.orders.moments.held import HeldOrders, held_orders
from tests.orders.moments.test_reset import reset, workflow_tasks
from tests.orders.scenarios import EXPRESS
from tests.slips.slips import slip
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]
REFUSED = next(s for s in EXPRESS if s.name == "express-carrier-refuses")


@pytest.fixture
async def held(system: System) -> AsyncIterator[HeldOrders]:
    """A queue of its own, without a worker."""
    async with held_orders(system) as held:
        pass
    yield held
    await assert_conserved(system.db, at_rest=False)


async def lost_last_task(held: HeldOrders, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """Have the server forget how an ended process was decided at last; return its new run, which nobody works on."""
    return await reset(held.system, handle, (await workflow_tasks(handle))[-1])


async def test_an_order_that_was_closed_as_compensated_is_so_for_temporal_too(held: HeldOrders) -> None:
    order = REFUSED.order()
    async with held.worker():
        first = await result_of(handle := await held.start(order))
    again = await lost_last_task(held, handle)
    await again.cancel()

    async with held.worker():
        result = await result_of(again)
        assert (await held.system.state(again)).status == "compensated"

    assert first is not None
    assert result is not None
    assert (result.status, result.reason) == (first.status, first.reason)
    assert (await again.describe()).status is WorkflowExecutionStatus.FAILED
    assert (
        await held.system.one("select status from orders.orders where order_id = %s", order.order_id) == "compensated"
    )


async def test_a_slip_that_was_settled_is_not_turned_back_by_a_cancel(held: HeldOrders) -> None:
    it = slip("price", "charge", "reserve")
    async with held.worker():
        handle: WorkflowHandle[Any, SlipResult] = await held.system.client.start_workflow(
            SLIP_WORKFLOW, it, id=slip_workflow_id(it.slip_id), task_queue=held.queue, result_type=SlipResult
        )
        assert (await handle.result()).status == "completed"
    lost = await lost_last_task(held, handle)
    again = held.system.client.get_workflow_handle(lost.id, run_id=lost.run_id, result_type=SlipResult)
    command = CancelSlip(reason="no", actor="ann")
    asked = asyncio.create_task(again.execute_update("cancel_slip", command, result_type=SlipCommandAccepted))
    await asyncio.wait([asked], timeout=0.5)

    async with held.worker():
        async with asyncio.timeout(20):
            assert (await again.result()).status == "completed"
        with pytest.raises(WorkflowUpdateFailedError):
            await asked
