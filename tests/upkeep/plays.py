"""Plays of recoveries that ask the services, for the golden histories."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowHandle

from models.names import RECOVERY_WORKFLOW, SLIP_RECOVERY_WORKFLOW, TASK_QUEUE, slip_workflow_id, workflow_id
from models.order import Order
from models.recovery import RecoverProcess
from models.slips.slip import RoutingSlip
from services.orders.orders import Orders
from services.slips.slips import Slips
from tests.orders.scenarios import Scenario
from tests.slips.slips import slip
from tests.systems import System
from tests.upkeep.conftest import delete, step_reached

Play = Callable[[System], Awaitable[WorkflowHandle[Any, Any]]]


async def _asked(system: System, lost: Order | RoutingSlip) -> WorkflowHandle[Any, Any]:
    """Run the recovery of a process to its end, and return a handle on the recovery itself."""
    is_order = isinstance(lost, Order)
    process = lost.order_id if isinstance(lost, Order) else lost.slip_id
    started = await system.client.start_workflow(
        RECOVERY_WORKFLOW if is_order else SLIP_RECOVERY_WORKFLOW,
        RecoverProcess(process_id=process),
        id=workflow_id(process) if is_order else slip_workflow_id(process),
        task_queue=TASK_QUEUE,
    )
    recovery = system.client.get_workflow_handle(started.id, run_id=started.first_execution_run_id)
    async for _ in recovery.fetch_history_events(wait_new_event=True):
        pass
    return recovery


async def started_as_new(system: System) -> WorkflowHandle[Any, Any]:
    """Play the recovery of an order that never started, which no service knows."""
    order = Scenario("started-as-new").order()
    await Orders(system.db).accept(order)
    return await _asked(system, order)


async def slip_started_as_new(system: System) -> WorkflowHandle[Any, Any]:
    """Play the recovery of a slip that never started, which no service knows."""
    await Slips(system.db).accept(lost := slip("price", "reserve", "charge", "wrap", "ship"))
    return await _asked(system, lost)


async def known(system: System) -> WorkflowHandle[Any, Any]:
    """Play the recovery of an order whose workflow was deleted during the charge: inventory knows it."""
    handle = await system.start(order := Scenario("known", token="tok_flaky_3").order())
    await step_reached(system, handle, "charge")
    await delete(system, handle)
    return await _asked(system, order)


PLAYS: dict[str, Play] = {
    "started-as-new": started_as_new,
    "slip-started-as-new": slip_started_as_new,
    "recovered-known": known,
}
