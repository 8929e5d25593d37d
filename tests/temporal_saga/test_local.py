"""Calls that an express run may not try as local activities: they go to the task queue at once."""

import uuid
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, Kind, Policy, Run, Saga, Step
from tests.temporal_saga.rig import Ask, World

DO, UNDO = Policy(2, timedelta(seconds=5)), Policy(6, timedelta(seconds=5))
SETTLE = Policy(0, timedelta(seconds=5), express=timedelta(seconds=2))


def call(step: str, direction: str, policy: Policy) -> Call[str, Any]:
    return Call(World.act, lambda _, key: Ask(key, step, direction, ["ok"]), lambda _: step, policy)


SAGA: Saga[str] = Saga(
    Step("a", do=call("a", "do", DO), undo=call("a", "undo", UNDO)),
    Step("b", do=call("b", "do", DO), undo=call("b", "undo", UNDO)),
    Step("p", do=call("p", "do", DO), undo=call("p", "undo", UNDO), kind=Kind.PIVOT),
    Step("r", do=call("r", "do", SETTLE), undo=None, kind=Kind.RETRIABLE),
    close=call("close", "close", SETTLE),
)


@workflow.defn(sandboxed=False)
class PartlyLocalWorkflow:
    """An express run whose steps b and r may not be local, once a has answered."""

    @workflow.init
    def __init__(self) -> None:
        self.run_ = Run(
            SAGA,
            workflow.info().workflow_id,
            "",
            changed=lambda: None,
            express=timedelta(seconds=2),
            local=self._may_be_local,
        )

    def _may_be_local(self, made: Call[str, Any]) -> bool:
        denied = [SAGA.steps[1].do, SAGA.steps[3].do] if self.run_.answer(SAGA.steps[0]) else []
        return made not in denied

    @workflow.run
    async def run(self) -> list[int]:
        await self.run_.execute()
        return [line.attempt for line in self.run_.history]


async def test_a_call_that_may_not_be_local_uses_the_queue_and_no_attempt(skipping: WorkflowEnvironment) -> None:
    queue = f"l-{uuid.uuid4().hex[:8]}"
    worker = Worker(  # each workflow task is a replay
        skipping.client,
        task_queue=queue,
        workflows=[PartlyLocalWorkflow],
        activities=[World().act],
        max_cached_workflows=0,
    )
    async with worker:
        handle = await skipping.client.start_workflow(PartlyLocalWorkflow.run, id=f"s-{queue}", task_queue=queue)
        assert await handle.result() == [1, 1, 1, 1]

    counted = [event.event_type async for event in handle.fetch_history_events()]
    assert counted.count(EventType.EVENT_TYPE_MARKER_RECORDED) == 2  # a, p
    assert counted.count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 2  # b, r
