"""Steps of a group run side by side, are undone side by side, and all end before the run goes on or back."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, Group, Kind, Policy, Run, Saga, Step
from tests.temporal_saga.deciding import SECONDS_TO_END, Decided, decide, ended, parked
from tests.temporal_saga.rig import Ask, World

DO = Policy(2, timedelta(seconds=5), timedelta(seconds=1))
UNDO = Policy(3, timedelta(seconds=5), timedelta(seconds=1))
CLOSE = Policy(0, timedelta(seconds=5))
Scripts = dict[str, list[str]]


def call(step: str, direction: str, policy: Policy) -> Call[Scripts, Any]:
    def request(run: Run[Scripts], key: str) -> Ask:
        return Ask(key, step, direction, run.subject.get(f"{step}:{direction}", ["ok"]))

    return Call(World.act, request, lambda _: f"{direction} {step}", policy)


def step(name: str, kind: Kind = Kind.COMPENSATABLE) -> Step[Scripts, Any]:
    undo = None if kind is Kind.RETRIABLE else call(name, "undo", UNDO)
    return Step(name, do=call(name, "do", DO), undo=undo, kind=kind)


GROUPED = Saga(
    step("a"),
    Group(step("b"), step("c")),
    step("p", Kind.PIVOT),
    Group(step("r", Kind.RETRIABLE), step("s", Kind.RETRIABLE)),
    step("t", Kind.RETRIABLE),
    close=call("close", "close", CLOSE),
)


@workflow.defn(sandboxed=False)
class GroupedWorkflow(Decided):
    """A workflow that runs the saga with groups."""

    @workflow.init
    def __init__(self, scripts: Scripts) -> None:
        self.run_ = Run(GROUPED, workflow.info().workflow_id, scripts, changed=self.changed)

    @workflow.run
    async def run(self, scripts: Scripts) -> dict[str, Any]:
        await self.run_.execute()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.view()

    @workflow.query
    def view(self) -> dict[str, Any]:
        run = self.run_
        plan = [undo.step for undo in run.plan().undos]
        log = [[line.direction, line.step, line.status] for line in run.history]
        return {"status": run.status, "undone": run.undone, "parked": sorted(run.parked), "plan": plan, "log": log}

    @workflow.update
    def stop(self) -> bool:
        return self.run_.stop("cancelled", "test")


class Stage:
    """A world of participants, and a worker that replays on every workflow task."""

    def __init__(self, env: WorkflowEnvironment) -> None:
        self.client, self.world, self.queue = env.client, World(), f"g-{uuid.uuid4().hex[:8]}"

    async def start(self, **scripts: list[str]) -> WorkflowHandle[Any, Any]:
        """Start a run; `scripts`: step_direction → the behaviour of each attempt."""
        named = {name.replace("_", ":"): script for name, script in scripts.items()}
        return await self.client.start_workflow(
            GroupedWorkflow.run, named, id=f"g-{uuid.uuid4().hex[:12]}", task_queue=self.queue
        )

    async def called(self, process: str, direction: str, *steps: str) -> None:
        """Wait until these calls have begun."""
        async with asyncio.timeout(20), self.world.called:
            await self.world.called.wait_for(lambda: set(steps) <= {*self.world.order_of(process, direction)})


@pytest.fixture
async def stage(real: WorkflowEnvironment) -> AsyncIterator[Stage]:
    stage = Stage(real)
    async with Worker(
        stage.client,
        task_queue=stage.queue,
        workflows=[GroupedWorkflow],
        activities=[stage.world.act],
        max_cached_workflows=0,
    ):
        yield stage


def effects(stage: Stage, process: str) -> dict[str, str]:
    return {key.split(":")[1]: effect for key, effect in stage.world.effects.items() if key.startswith(f"{process}:")}


async def test_both_steps_of_a_group_begin_before_either_ends(stage: Stage) -> None:
    handle = await stage.start(b_do=["hang"], c_do=["hang"])

    await stage.called(handle.id, "do", "b", "c")

    view = await handle.query("view")
    assert view["plan"] == ["c", "b", "a"]
    await handle.cancel()
    assert (await ended(handle))["status"] == "cancelled"


async def test_a_run_with_groups_completes_in_order(stage: Stage) -> None:
    handle = await stage.start()

    view = await ended(handle)

    assert view["status"] == "completed"
    began = stage.world.order_of(handle.id, "do")
    assert began[0] == "a"
    assert set(began[1:3]) == {"b", "c"}
    assert began[3] == "p"
    assert set(began[4:6]) == {"r", "s"}
    assert began[6:] == ["t"]


@pytest.mark.parametrize("other", [["ok"], ["hang"], ["lose"], ["fail"]])
async def test_a_failed_step_stops_the_others_of_its_group_and_all_are_undone(stage: Stage, other: list[str]) -> None:
    handle = await stage.start(b_do=["refuse"], c_do=other)

    view = await ended(handle)

    assert view["status"] == "compensated"
    assert view["undone"] == ["c", "a"]  # a refused step has no effect
    assert effects(stage, handle.id) == {"a": "undone", "c": effects(stage, handle.id)["c"], "close": "done"}
    assert effects(stage, handle.id)["c"] in {"undone", "tombstone"}


async def test_a_group_is_undone_side_by_side_before_the_step_in_front_of_it(stage: Stage) -> None:
    handle = await stage.start(p_do=["refuse"], b_undo=["hang", "ok"], c_undo=["hang", "ok"])

    await stage.called(handle.id, "undo", "b", "c")  # each hangs until its first attempt is over

    assert "a" not in stage.world.order_of(handle.id, "undo")
    view = await ended(handle)
    assert sorted(view["undone"][:2]) == ["b", "c"]
    assert view["undone"][2:] == ["a"]


async def test_of_a_group_one_undo_is_parked_and_the_others_go_on(stage: Stage) -> None:
    handle = await stage.start(p_do=["refuse"], b_undo=["fail"])

    await parked(handle, "b")

    async with asyncio.timeout(SECONDS_TO_END):
        while (view := await handle.query("view"))["undone"] != ["c", "a"]:
            await asyncio.sleep(0.1)
    assert view["status"] == "needs_attention"
    await decide(handle, "b", "skip")
    assert (await ended(handle))["status"] == "compensated"


async def test_steps_of_a_group_after_the_pivot_are_parked_each_by_itself(stage: Stage) -> None:
    handle = await stage.start(r_do=["fail"], s_do=["fail"])

    await parked(handle, "r", "s")
    await decide(handle, "s", "skip")
    await parked(handle, "r")
    assert "t" not in stage.world.order_of(handle.id, "do")
    stage.world.repaired.add(f"{handle.id}:r")
    await decide(handle, "r", "retry")

    view = await ended(handle)
    assert view["status"] == "completed"
    assert stage.world.order_of(handle.id, "do").count("s") == DO.attempts  # it was not done again


async def test_a_cancel_stops_every_step_of_a_group(stage: Stage) -> None:
    handle = await stage.start(b_do=["lose"], c_do=["stubborn"])
    await stage.called(handle.id, "do", "b", "c")

    assert await handle.execute_update("stop")

    view = await ended(handle)
    assert view["status"] == "cancelled"
    assert view["undone"] == ["c", "b", "a"] or view["undone"] == ["b", "c", "a"]
    assert set(effects(stage, handle.id).values()) == {"undone", "done"}
    assert effects(stage, handle.id)["close"] == "done"


async def test_a_cancel_after_the_pivot_does_not_stop_a_group(stage: Stage) -> None:
    handle = await stage.start(r_do=["stubborn"], s_do=["stubborn"])
    await stage.called(handle.id, "do", "r", "s")

    assert not await handle.execute_update("stop")

    assert (await ended(handle))["status"] == "completed"


def test_a_pivot_in_a_group_is_refused() -> None:
    with pytest.raises(ValueError, match="'p': the pivot runs alone"):
        Saga(Group(step("a"), step("p", Kind.PIVOT)), close=call("close", "close", CLOSE))


def test_a_name_that_is_used_twice_in_a_group_is_refused() -> None:
    with pytest.raises(ValueError, match="'a': its name is used twice"):
        Saga(Group(step("a"), step("a")), close=call("close", "close", CLOSE))
