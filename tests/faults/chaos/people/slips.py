"""The routing slips of a run: placed with the product's client, and again until an answer arrives."""

import asyncio
import time

from models.names import slip_process
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.planning.drawing import PlannedSlip
from tests.faults.chaos.planning.plan import RunPlan
from tests.faults.chaos.processes.system import ChaosSystem


async def place_slips(plan: RunPlan, system: ChaosSystem, log: Log, began: float) -> None:
    """Place every slip of the plan at its time; return after the last answer."""

    async def place(planned: PlannedSlip) -> None:
        await asyncio.sleep(began + planned.at - time.monotonic())
        slip = planned.slip
        await log.ask(
            "place",
            slip_process(slip.slip_id),
            lambda: system.orders.slips.place(slip),
            slip.body_hash(),
        )

    async with asyncio.TaskGroup() as tasks:
        for planned in plan.slips:
            tasks.create_task(place(planned))
