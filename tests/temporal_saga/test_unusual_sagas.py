"""Sagas of unusual shape: express without a pivot, steps without an effect, a probe that is cancelled."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, Kind, Policy, Run, Saga, Step
from tests.temporal_saga.rig import Ask, World

SECONDS_TO_END = 30.0
DO, UNDO = Policy(2, timedelta(seconds=1), timedelta(seconds=0.5)), Policy(6, timedelta(seconds=5))


def call(step: str, direction: str, policy: Policy, *script: str) -> Call[str, Any]:
    return Call(
        World.act,
        lambda _, key: Ask(key, step, direction, list(script or ["ok"])),
        lambda _: f"{direction} {step}",
        policy,
    )


def step(name: str, *script: str, **fields: Any) -> Step[str, Any]:
    return Step(name, do=call(name, "do", DO, *script), undo=call(name, "undo", UNDO), **fields)


def no_effect(name: str, do: Call[str, Any]) -> Step[str, Any]:
    return Step(name, do=do, undo=None, has_effect=False)


def nine(_run: Run[str], _key: str) -> Ask:
    return Ask("", "", "", [str(int("nine"))])


CLOSE = call("close", "close", Policy(0, timedelta(seconds=5)))
REFUSES = Call[str, Any](World.act, nine, lambda _: "its data allow no request", DO)
LOST = step("b", "lose", parks=True, probe=call("b", "probe", Policy(1, timedelta(seconds=60), DO.heartbeat), "hang"))
SAGAS: dict[str, Saga[str]] = {
    "no pivot": Saga[str](step("a"), step("b", "fail"), close=CLOSE),
    "no request": Saga[str](
        no_effect("v", call("v", "do", DO, "fail", "fail", "ok")),
        no_effect("w", REFUSES),
        step("p", kind=Kind.PIVOT),
        close=CLOSE,
    ),
    "probed": Saga[str](step("a"), LOST, step("p", kind=Kind.PIVOT), close=CLOSE),
}


@workflow.defn(sandboxed=False)
class UnusualWorkflow:
    """A workflow that runs one of the `SAGAS`."""

    @workflow.init
    def __init__(self, kind: str) -> None:
        express = None if kind == "probed" else timedelta(seconds=1)
        self.run_ = Run(SAGAS[kind], workflow.info().workflow_id, kind, changed=lambda: None, express=express)

    @workflow.run
    async def run(self, kind: str) -> list[Any]:
        await self.run_.execute()
        return [self.run_.status, self.run_.undone]


@pytest.fixture
async def world(skipping: WorkflowEnvironment) -> AsyncIterator[tuple[World, str]]:
    world, queue = World(), f"unusual-{uuid.uuid4().hex[:8]}"
    async with Worker(
        skipping.client, task_queue=queue, workflows=[UnusualWorkflow], activities=[world.act], max_cached_workflows=0
    ):
        yield world, queue


async def start(env: WorkflowEnvironment, kind: str, queue: str) -> Any:
    return await env.client.start_workflow(UnusualWorkflow.run, kind, id=f"u-{uuid.uuid4().hex[:12]}", task_queue=queue)


@pytest.mark.parametrize(("kind", "undone"), [("no pivot", ["b", "a"]), ("no request", [])])
async def test_an_express_run_goes_back(
    skipping: WorkflowEnvironment, world: tuple[World, str], kind: str, undone: list[str]
) -> None:
    async with asyncio.timeout(SECONDS_TO_END):
        assert await (await start(skipping, kind, world[1])).result() == ["compensated", undone]


async def test_a_cancel_during_a_probe_is_not_parked(skipping: WorkflowEnvironment, world: tuple[World, str]) -> None:
    participants, queue = world
    handle = await start(skipping, "probed", queue)
    async with asyncio.timeout(SECONDS_TO_END):
        async with participants.called:
            await participants.called.wait_for(lambda: participants.order_of(handle.id, "probe"))
        await handle.cancel()

        assert await handle.result() == ["cancelled", ["b", "a"]]
