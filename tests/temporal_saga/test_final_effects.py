"""The pivot decides between forward and back: an undo that is answered as final turns the run forward."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, Kind, Policy, RecoveredRun, Run, Saga, Step
from tests.temporal_saga.deciding import SECONDS_TO_END, Decided, decide, ended, parked
from tests.temporal_saga.rig import Answer, Ask, World

DO = Policy(2, timedelta(seconds=1), timedelta(seconds=0.5))
UNDO = Policy(3, timedelta(seconds=1), timedelta(seconds=0.5), settled=frozenset({"Settled"}))
SETTLE = replace(DO, undone=frozenset({"AlreadyUndone"}))
CLOSE = Policy(0, timedelta(seconds=5))
Scripts = dict[str, list[str]]


class SettlingWorld(World):
    """A world with two more behaviours: the effect is final, as are those of the keys `settled`, or was undone."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: set[str] = set()

    @activity.defn(name="act")
    async def act_or_refuse(self, ask: Ask) -> Answer:
        """Perform the scripted behaviour of this attempt."""
        scripted = ask.script[min(activity.info().attempt, len(ask.script)) - 1]
        if scripted == "settled" or (ask.direction == "undo" and ask.key in self.settled):
            async with self.called:
                self.calls[ask.key.split(":")[0]].append((ask.direction, ask.step, 0.0))
                self.called.notify_all()
                self.repaired.add(ask.key)  # its do repeats the recorded answer
            raise ApplicationError("it is final", 1, type="Settled", non_retryable=True)
        if scripted == "undone":
            raise ApplicationError("it was undone", 1, type="AlreadyUndone", non_retryable=True)
        return await self.act(ask)


def call(step: str, direction: str, policy: Policy) -> Call[Scripts, Any]:
    def request(run: Run[Scripts], key: str) -> Ask:
        return Ask(key, step, direction, run.subject.get(f"{step}:{direction}", ["ok"]))

    return Call(World.act, request, lambda _: f"{direction} {step}", policy)


def step(name: str, kind: Kind = Kind.COMPENSATABLE, *, policy: Policy = DO, **fields: Any) -> Step[Scripts, Any]:
    undo = None if kind is Kind.RETRIABLE else call(name, "undo", UNDO)
    return Step(name, do=call(name, "do", policy), undo=undo, kind=kind, **fields)


SAGA = Saga(
    step("a"),
    step("b"),
    step("p", Kind.PIVOT, probe=call("p", "probe", DO)),
    step("r", Kind.RETRIABLE, policy=SETTLE),
    step("s", Kind.RETRIABLE),
    close=call("close", "close", CLOSE),
)


@workflow.defn(sandboxed=False)
class FinalWorkflow(Decided):
    """A workflow that runs or recovers the saga."""

    @workflow.init
    def __init__(self, scripts: Scripts, recovered: bool, passed: bool) -> None:
        kind: type[Run[Scripts]] = RecoveredRun if recovered else Run
        self.run_ = kind(SAGA, workflow.info().workflow_id, scripts, changed=self.changed)
        if isinstance(self.run_, RecoveredRun):
            self.run_.passed = passed

    @workflow.run
    async def run(self, scripts: Scripts, recovered: bool, passed: bool) -> dict[str, Any]:
        await self.run_.execute()
        return self.view()

    @workflow.query
    def view(self) -> dict[str, Any]:
        run = self.run_
        plan = [undo.step for undo in run.plan().undos]
        return {"status": run.status, "undone": run.undone, "parked": sorted(run.parked), "plan": plan}


class Stage:
    """A world of participants, and a worker that replays on every workflow task."""

    def __init__(self, env: WorkflowEnvironment) -> None:
        self.client, self.world, self.queue = env.client, SettlingWorld(), f"f-{uuid.uuid4().hex[:8]}"

    async def start(
        self, *, recovered: bool = False, passed: bool = False, **scripts: list[str]
    ) -> WorkflowHandle[Any, Any]:
        named = {name.replace("_", ":"): script for name, script in scripts.items()}
        return await self.client.start_workflow(
            "FinalWorkflow", args=[named, recovered, passed], id=f"f-{uuid.uuid4().hex[:12]}", task_queue=self.queue
        )


@pytest.fixture
async def stage(real: WorkflowEnvironment) -> AsyncIterator[Stage]:
    stage = Stage(real)
    async with Worker(
        stage.client,
        task_queue=stage.queue,
        workflows=[FinalWorkflow],
        activities=[stage.world.act_or_refuse],
        max_cached_workflows=0,
    ):
        yield stage


async def test_a_final_pivot_turns_the_run_forward_and_nothing_is_undone(stage: Stage) -> None:
    handle = await stage.start(p_do=["fail"], p_undo=["settled"])

    view = await ended(handle)

    assert view == {"status": "completed", "undone": [], "parked": [], "plan": []}
    assert set(stage.world.order_of(handle.id, "undo")) == {"p"}
    assert stage.world.order_of(handle.id, "do")[-2:] == ["r", "s"]
    assert stage.world.order_of(handle.id, "close") == []


async def test_a_recovery_that_finds_the_pivot_final_goes_forward(stage: Stage) -> None:
    handle = await stage.start(recovered=True, p_undo=["settled"])

    assert (await ended(handle))["status"] == "completed"
    assert stage.world.order_of(handle.id, "do") == ["r", "s"]


@pytest.mark.parametrize("recovered", [False, True], ids=["run", "recovery"])
async def test_a_pivot_that_was_undone_before_it_became_final_turns_the_run_back(stage: Stage, recovered: bool) -> None:
    """As by a late undo of a lost run: nothing after the pivot has happened yet."""
    handle = await stage.start(recovered=recovered, passed=True, r_do=["undone"])

    view = await ended(handle)

    assert view == {"status": "compensated", "undone": ["p", "b", "a"], "parked": [], "plan": []}
    assert "s" not in stage.world.order_of(handle.id, "do")


async def test_a_final_effect_that_is_not_the_last_is_parked(stage: Stage) -> None:
    handle = await stage.start(p_do=["refuse"], a_undo=["settled"])

    await parked(handle, "a")

    assert (await handle.query("view"))["undone"] == ["b"]
    await decide(handle, "a", "skip")
    assert (await ended(handle))["status"] == "compensated"


async def test_the_other_undos_wait_while_the_last_is_unknown(stage: Stage) -> None:
    handle = await stage.start(p_do=["hang"], p_probe=["fail"], p_undo=["hang"])

    await parked(handle, "p")

    assert (await handle.query("view"))["plan"] == ["p", "b", "a"]
    assert set(stage.world.order_of(handle.id, "undo")) == {"p"}
    stage.world.repaired.add(f"{handle.id}:p")
    await decide(handle, "p", "retry")
    view = await ended(handle)
    assert (view["status"], view["undone"]) == ("compensated", ["p", "b", "a"])


async def test_an_operator_who_settles_the_unknown_undo_by_hand_lets_the_others_go_on(stage: Stage) -> None:
    handle = await stage.start(p_do=["hang"], p_probe=["fail"], p_undo=["hang"])
    await parked(handle, "p")

    await decide(handle, "p", "skip")

    view = await ended(handle)
    assert (view["status"], view["undone"]) == ("compensated", ["b", "a"])


async def test_a_retry_that_finds_the_unknown_effect_final_turns_the_run_forward(stage: Stage) -> None:
    handle = await stage.start(p_do=["hang"], p_probe=["fail"], p_undo=["hang"])
    await parked(handle, "p")

    stage.world.settled.add(f"{handle.id}:p")
    await decide(handle, "p", "retry")

    view = await ended(handle)
    assert (view["status"], view["undone"]) == ("completed", [])


async def test_the_other_undos_do_not_wait_for_one_that_was_answered(stage: Stage) -> None:
    handle = await stage.start(p_do=["hang"], p_probe=["fail"], p_undo=["fail"])

    await parked(handle, "p")

    async with asyncio.timeout(SECONDS_TO_END):
        while (await handle.query("view"))["undone"] != ["b", "a"]:
            await asyncio.sleep(0.1)
