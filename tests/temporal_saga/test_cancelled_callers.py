"""Whatever cancels the code that runs a saga, its effects are undone first, and the cancel goes on afterwards."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Run
from tests.temporal_saga.rig import Scenario, World, rig_saga

WAYS = ("timeout", "wait_for", "task_group", "task", "twice", "gather", "native", "native_and_timeout")
SECONDS_TO_END = 60.0
# The seconds of server time after which the cancel comes, and the behaviours of the steps: each call takes a second.
PHASES: dict[str, tuple[float, dict[str, list[str]]]] = {
    "before the first step": (0.0, {}),
    "in the first step": (0.3, {"a:do": ["hang"]}),
    "between two attempts": (2.5, {"b:do": ["fail", "fail", "fail", "ok"]}),
    "while parked": (20.0, {"b:do": ["fail"]}),
    "while it goes back": (2.5, {"p:do": ["refuse"], "b:undo": ["fail", "fail", "fail", "ok"]}),
    "while an undo is parked": (200.0, {"p:do": ["refuse"], "b:undo": ["fail"] * 6 + ["ok"]}),
    "past the pivot": (2.5, {"r:do": ["fail", "fail", "fail", "ok"]}),
}
ENDS = {"while it goes back": "compensated", "while an undo is parked": "compensated", "past the pivot": "completed"}


@dataclass
class Plan:
    """A run whose caller is cancelled in one of the `WAYS` after some seconds."""

    way: str
    after: float
    scripts: dict[str, list[str]] = field(default_factory=dict)


async def _fail_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ValueError("another task of the group failed")


async def _timeout(saga: Callable[[], Awaitable[None]], after: float) -> None:
    async with asyncio.timeout(after):
        await saga()


async def _wait_for(saga: Callable[[], Awaitable[None]], after: float) -> None:
    await asyncio.wait_for(saga(), after)


async def _task_group(saga: Callable[[], Awaitable[None]], after: float) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(saga())  # type: ignore[arg-type] # a coroutine
        group.create_task(_fail_after(after))


async def _task(saga: Callable[[], Awaitable[None]], after: float, times: int = 1) -> None:
    task = asyncio.ensure_future(saga())
    await asyncio.sleep(after)
    for _ in range(times):
        task.cancel("not wanted any more")
        await asyncio.sleep(0.5)
    await task


async def _gather(saga: Callable[[], Awaitable[None]], after: float) -> None:
    both = asyncio.gather(saga(), asyncio.sleep(after + 10_000), return_exceptions=True)
    await asyncio.sleep(after)
    both.cancel()
    await both


@workflow.defn(sandboxed=False)
class CancelledWorkflow:
    """A workflow that cancels the code that runs its saga, and reports what that code raised."""

    @workflow.init
    def __init__(self, plan: Plan) -> None:
        scenario = Scenario(plan.scripts, parks="b:do" in plan.scripts and len(plan.scripts["b:do"]) == 1)
        saga = rig_saga(parks=scenario.parks)
        self.run_ = Run(saga, workflow.info().workflow_id, scenario, changed=lambda: None)
        self.raised = ""

    @workflow.run
    async def run(self, plan: Plan) -> dict[str, Any]:
        ways = {"timeout": _timeout, "wait_for": _wait_for, "task_group": _task_group, "gather": _gather, "task": _task}
        saga = self.run_.execute
        try:
            if plan.way == "native":
                await saga()
            elif plan.way == "native_and_timeout":
                await _timeout(saga, plan.after + 0.5)
            elif plan.way == "twice":
                await _task(saga, plan.after, times=3)
            else:
                await ways.get(plan.way, _timeout)(saga, plan.after)
        except BaseExceptionGroup as group:
            self.raised = type(group.exceptions[0]).__name__
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its type is what the test asks for
            self.raised = type(error).__name__
        return self.view()

    @workflow.query
    def view(self) -> dict[str, Any]:
        run = self.run_
        return {
            "status": run.status,
            "begun": run.forward is not None,
            "ended": run.ended,
            "raised": self.raised,
            "reason": run.reason,
            "open": [step.name for step in run.pending_undos],
            "parked": list(run.parked),
        }

    @workflow.signal
    def retry(self, step: str) -> None:
        self.run_.resolve(step, "retry", {"actor": "test"})


@pytest.fixture
async def world(skipping: WorkflowEnvironment) -> AsyncIterator[tuple[World, Worker]]:
    """Yield a world of participants, and a worker that replays on every workflow task."""
    world = World()
    queue = f"cancelled-{uuid.uuid4().hex[:8]}"
    async with Worker(
        skipping.client,
        task_queue=queue,
        workflows=[CancelledWorkflow],
        activities=[world.act],
        max_cached_workflows=0,
    ) as worker:
        yield world, worker


@pytest.mark.parametrize(
    ("way", "phase"),
    [
        (way, phase)
        for phase, (after, _) in PHASES.items()
        for way in WAYS
        if after >= 1 or not way.startswith("native")  # test_saga.py has the native cancels of a running step
    ],
)
async def test_a_cancelled_caller_leaves_no_effect_open(
    skipping: WorkflowEnvironment, world: tuple[World, Worker], way: str, phase: str
) -> None:
    participants, worker = world
    after, scripts = PHASES[phase]
    handle = await skipping.client.start_workflow(
        CancelledWorkflow.run,
        Plan(way, after, scripts),
        id=f"c-{uuid.uuid4().hex[:12]}",
        task_queue=worker.task_queue,
        task_timeout=timedelta(seconds=2),  # this server refuses a cancel that races with the end of its activity
    )
    if way.startswith("native"):
        await skipping.sleep(timedelta(seconds=after))
        await handle.cancel()
    if phase == "while an undo is parked":
        await skipping.sleep(timedelta(seconds=after + 100))
        participants.repaired.add(f"{handle.id}:b")
        await handle.signal(CancelledWorkflow.retry, "b")

    async with asyncio.timeout(SECONDS_TO_END):
        ended = await handle.result()

    assert ended["raised"] in RAISED[way]
    if not ended["begun"]:  # Python never starts a coroutine that is cancelled before its first step
        assert (phase, participants.effects) == ("before the first step", {})
        return
    assert (ended["ended"], ended["open"], ended["parked"]) == (True, [], [])
    assert ended["status"] == ENDS.get(phase, "cancelled"), ended
    done = {key for key, effect in participants.effects.items() if effect == "done"}
    kept = ("a", "b", "p", "r") if ended["status"] == "completed" else ("close",)
    assert done == {f"{handle.id}:{step}" for step in kept}
    if ended["status"] == "cancelled":
        assert ended["reason"].startswith("cancelled: ")


RAISED = {
    "timeout": {"TimeoutError"},
    "wait_for": {"TimeoutError"},
    "task_group": {"ValueError"},
    "task": {"CancelledError"},
    "twice": {"CancelledError"},
    "gather": {"CancelledError"},
    "native": {""},
    "native_and_timeout": {"", "CancelledError", "TimeoutError"},  # the run may end before the timeout
}
