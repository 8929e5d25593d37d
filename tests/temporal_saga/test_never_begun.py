"""What never began uses up no attempt, and an undo comes before new work in its queue."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, Policy, Run
from tests.temporal_saga.rig import Ask, RigWorkflow, Scenario, World, rig_saga

SECONDS_TO_END = 90.0
URGENT = 1  # the priority of undos


@activity.defn
async def another() -> None:
    """Stand for the activities of a worker that has not registered those of the saga."""


def worker(env: WorkflowEnvironment, queue: str, *activities: Any, **options: Any) -> Worker:
    return Worker(env.client, task_queue=queue, workflows=[RigWorkflow], activities=activities, **options)


@pytest.mark.parametrize("behaviour", ["not begun", "no worker has it"])
@pytest.mark.parametrize("call", ["a:do", "a:undo", "r:do"])
async def test_what_never_began_uses_up_no_attempt(skipping: WorkflowEnvironment, call: str, behaviour: str) -> None:
    world, queue = World(), f"n-{uuid.uuid4().hex[:8]}"
    scripts = {call: ["not_begun"] * 99} | ({"p:do": ["refuse"]} if call == "a:undo" else {})
    asked = 0

    @activity.defn(name="act")
    async def act(ask: Ask) -> Any:
        nonlocal asked
        if f"{ask.step}:{ask.direction}" == call and asked < 20:
            asked += 1
            if behaviour == "not begun":
                raise ApplicationError("no connection", activity.info().attempt, type="NotBegun")
            text = "Activity function act for workflow w is not registered on this worker, available activities: x"
            raise ApplicationError(text, type="NotFoundError")
        return await world.act(
            Ask(ask.key, ask.step, ask.direction, [s for s in ask.script if s != "not_begun"] or ["ok"])
        )

    async with worker(skipping, queue, act):
        handle = await skipping.client.start_workflow(
            RigWorkflow.run, Scenario(scripts), id=f"s-{uuid.uuid4().hex[:12]}", task_queue=queue
        )
        async with asyncio.timeout(SECONDS_TO_END):
            ended = await handle.result()

    assert asked == 20  # five times the attempts of a do, three times those of an undo
    assert ended["status"] == ("compensated" if call == "a:undo" else "completed")
    step, direction = call.split(":")
    (line,) = [line for line in ended["log"] if line[:2] == [direction, step]]
    assert line[2:] == ["completed", 21]


async def test_a_worker_without_the_activity_costs_a_saga_nothing(rig_now: Any) -> None:
    async with rig_now.without_worker():
        handle = await rig_now.start({})
        async with worker(rig_now.env, rig_now.queue, another), asyncio.timeout(SECONDS_TO_END):
            while "not begun" not in str((await handle.query(RigWorkflow.view))["errors"]):
                await asyncio.sleep(0.1)

    assert (await handle.result())["status"] == "completed"


async def test_a_cancel_ends_the_wait_for_a_call_that_never_began(skipping: WorkflowEnvironment) -> None:
    queue = f"n-{uuid.uuid4().hex[:8]}"

    @activity.defn(name="act")
    async def act(ask: Ask) -> Any:
        if ask.direction == "do":
            raise ApplicationError("no connection", type="NotBegun")
        return {"key": ask.key, "attempt": 1}

    async with worker(skipping, queue, act), asyncio.timeout(SECONDS_TO_END):
        handle = await skipping.client.start_workflow(
            RigWorkflow.run, Scenario({}, deadline=600), id=f"s-{uuid.uuid4().hex[:12]}", task_queue=queue
        )
        ended = await handle.result()

    assert (ended["status"], ended["stopped"], ended["undone"]) == ("compensated", "deadline", ["a"])


@workflow.defn(sandboxed=False)
class AlertedWorkflow:
    """A workflow whose step fails and is parked, with an alert."""

    @workflow.init
    def __init__(self, plan: Scenario) -> None:
        alert = Call[Scenario, Any](alert_operators, lambda _, key: key, lambda _: "alert", ALERT)
        self.run_ = Run(rig_saga(parks=True), workflow.info().workflow_id, plan, changed=lambda: None, alert=alert)

    @workflow.run
    async def run(self, plan: Scenario) -> None:
        await self.run_.execute()


ALERT, ALERTED = Policy(2, timedelta(seconds=5), not_begun=frozenset({"NotBegun"})), asyncio.Event()
AWAY_FOR = 10  # calls, which are more than an alert has attempts


@activity.defn
async def alert_operators(_key: str) -> None:
    """Stand for the recording of an alert, whose database is away at first."""
    COUNTED.append(_key)
    if len(COUNTED) <= AWAY_FOR:
        raise ApplicationError("no connection", type="NotBegun")
    ALERTED.set()


COUNTED: list[str] = []


async def test_an_alert_that_never_began_is_not_given_up(skipping: WorkflowEnvironment) -> None:
    world, queue = World(), f"n-{uuid.uuid4().hex[:8]}"
    async with Worker(
        skipping.client, task_queue=queue, workflows=[AlertedWorkflow], activities=[world.act, alert_operators]
    ):
        handle = await skipping.client.start_workflow(
            AlertedWorkflow.run, Scenario({"a:do": ["fail"]}), id=f"s-{uuid.uuid4().hex[:12]}", task_queue=queue
        )
        async with asyncio.timeout(SECONDS_TO_END):
            while not ALERTED.is_set():
                await skipping.sleep(timedelta(seconds=5))

        assert len(COUNTED) == AWAY_FOR + 1
        assert set(COUNTED) == {f"{handle.id}:a:do:0"}
        await handle.terminate()


async def test_an_undo_is_taken_before_the_new_work_in_its_queue(real: WorkflowEnvironment) -> None:
    world, queue, others = World(), f"q-{uuid.uuid4().hex[:8]}", 60
    back_id, undo_waits = f"s-{uuid.uuid4().hex[:12]}", asyncio.Event()
    taken: list[tuple[str, str, str]] = []

    @activity.defn(name="act")
    async def act(ask: Ask) -> Any:
        refused = (back_id, "b", "do") in taken
        taken.append((ask.key.partition(":")[0], ask.step, ask.direction))
        if refused and taken[-1][0] != back_id:
            await undo_waits.wait()  # the worker's one place is taken until the undo is in the queue
        return await world.act(ask)

    async def start(scenario: Scenario, workflow_id: str) -> WorkflowHandle[Any, Any]:
        return await real.client.start_workflow(RigWorkflow.run, scenario, id=workflow_id, task_queue=queue)

    async with worker(real, queue), asyncio.timeout(SECONDS_TO_END):
        back = await start(Scenario({"b:do": ["refuse"]}), back_id)
        handles = [await start(Scenario({}), f"s-{uuid.uuid4().hex[:12]}") for _ in range(others)]
        for handle in (back, *handles):
            while not (await handle.describe()).raw_description.pending_activities:
                await asyncio.sleep(0.05)
        async with Worker(real.client, task_queue=queue, activities=[act], max_concurrent_activities=1):
            while not await _urgent_tasks(real, queue):
                await asyncio.sleep(0.05)
            undo_waits.set()
            ended = await back.result()
            for handle in handles:
                await handle.result()

    assert ended["status"] == "compensated"
    refused_at, undone_at = taken.index((back_id, "b", "do")), taken.index((back_id, "a", "undo"))
    # Without its priority it comes behind steps of about half of the others. The server orders the tasks of a
    # partition, and some may be on their way to the worker already.
    assert undone_at - refused_at <= others // 4, taken


async def _urgent_tasks(env: WorkflowEnvironment, queue: str) -> int:
    """Return how many activities of the first priority wait in a task queue."""
    asked = DescribeTaskQueueRequest(
        namespace=env.client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        report_stats=True,
    )
    described = await env.client.workflow_service.describe_task_queue(asked)
    return described.stats_by_priority_key[URGENT].approximate_backlog_count
