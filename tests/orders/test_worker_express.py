"""A worker that takes no step inside a workflow task: its orders go by the task queue, also the express ones."""

from collections import Counter
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.worker import Worker

from models.names import ORDER_WORKFLOW, workflow_id
from models.process import OrderResult, Status
from tests.conservation import assert_conserved
from tests.orders.scenarios import EXPRESS, Scenario
from tests.systems import System, result_of
from worker import configuration

pytestmark = [pytest.mark.server]
SCENARIOS = {"express-completed": Status.COMPLETED, "express-carrier-refuses": Status.COMPENSATED}


@pytest.mark.parametrize("scenario", [each for each in EXPRESS if each.name in SCENARIOS], ids=lambda each: each.name)
async def test_every_step_goes_by_the_task_queue(system: System, scenario: Scenario) -> None:
    order, queue = scenario.order(), f"no-express-{uuid4().hex[:8]}"
    settings = system.settings.model_copy(update={"worker_express": False})
    config = configuration(system.client, system.services, settings)
    config["task_queue"] = queue
    async with Worker(**config):
        handle = await system.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=queue, result_type=OrderResult
        )
        result = await result_of(handle)

    assert result is not None
    assert result.status is SCENARIOS[scenario.name]
    counted = Counter([event.event_type async for event in handle.fetch_history_events()])
    # One failed local attempt, and then a regular activity, for each call.
    assert counted[EventType.EVENT_TYPE_MARKER_RECORDED] == counted[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] >= 5
    await assert_conserved(system.db, at_rest=False)
