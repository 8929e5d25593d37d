"""The routing slips of a run: placed with the product's client, and again until an answer arrives; some are lost."""

import asyncio
import time

from client.handles import Handle
from models.names import slip_process, slip_workflow_id
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.planning.drawing import PlannedSlip
from tests.faults.chaos.planning.plan import RunPlan
from tests.faults.chaos.processes.system import ChaosSystem

# An operator terminates the workflow of each slip with such a number right after it was placed.
ONE_IS_LOST_OF = 4


async def place_slips(plan: RunPlan, system: ChaosSystem, log: Log, began: float) -> None:
    """Place every slip of the plan at its time, and lose some of them; return after the last answer."""

    async def place(number: int, planned: PlannedSlip) -> None:
        await asyncio.sleep(began + planned.at - time.monotonic())
        slip = planned.slip
        await log.ask(
            "place",
            slip_process(slip.slip_id),
            lambda: system.orders.slips.place(slip),
            slip.body_hash(),
        )
        if number % ONE_IS_LOST_OF == 0:
            run: Handle = system.client.get_workflow_handle(slip_workflow_id(slip.slip_id))
            await log.ask("terminate", slip_process(slip.slip_id), lambda: run.terminate("by mistake"))

    async with asyncio.TaskGroup() as tasks:
        for number, planned in enumerate(plan.slips):
            tasks.create_task(place(number, planned))
