"""An exception that data cause fails the step and never the workflow task; no effect stays open and unlisted."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal_saga import Call, InWorkflow, Kind, Policy, Run, Saga, Step, StepEvent, Wait
from tests.temporal_saga.rig import Ask, World

SECONDS_TO_END = 60.0
ERRORS: dict[str, Callable[[], object]] = {
    "value": lambda: int("nine"),
    "overflow": lambda: timedelta(seconds=10**15),
    "zero": lambda: 1 // 0,
    "unicode": "\ud800".encode,
    "timeout": lambda: _fail(TimeoutError("too late")),
    "failure": lambda: _fail(ApplicationError("no", non_retryable=True, category=ApplicationErrorCategory.BENIGN)),
}
REFUSAL = "failure"
# Where the data cause the error → the steps that are undone, and the step that is parked.
PLACES: dict[str, tuple[list[str], str | None]] = {
    "do a": ([], None),
    "do b": (["a"], None),
    "do p": (["b", "a"], None),
    "inside b": (["b", "a"], None),
    "then b": (["b", "a"], None),
    "pending b": (["b", "a"], None),
    "again b": (["b", "a"], None),  # as "pending", and the event has come already
    "within b": (["b", "a"], None),
    "settle b": (["b", "a"], None),
    "do r": ([], "r"),
    "undo a": (["b"], "a"),
    "summary a": (["b", "a"], None),
    "risk a": (["b", "a"], None),
}


@dataclass
class Plan:
    """A run in which the data of one place cause one of the `ERRORS`."""

    place: str
    error: str


def _fail(error: Exception) -> None:
    raise error


def _call(step: str, direction: str, policy: Policy) -> Call[Plan, Any]:
    def request(run: Run[Plan], key: str) -> Ask:
        _raise(run, f"{direction} {step}")
        refused = (step, run.subject.place.split()[0]) in {("p", "undo"), ("p", "summary"), ("p", "risk")}
        return Ask(key, step, direction, ["refuse" if refused and direction == "do" else "ok"])

    def summary(run: Run[Plan]) -> str:
        _raise(run, f"summary {step}")
        return f"{direction} {step}"

    return Call(World.act, request, summary, policy)


def _raise(run: Run[Plan], place: str) -> None:
    if place == run.subject.place:
        ERRORS[run.subject.error]()


async def _inside(run: Run[Plan], request: Ask) -> Any:
    _raise(run, "inside b")
    return SimpleNamespace(attempt="the first")


def _at(place: str, value: Any) -> Callable[[Run[Plan]], Any]:
    def look(run: Run[Plan]) -> Any:
        _raise(run, place)
        return value

    return look


DO, UNDO = Policy(2, timedelta(seconds=5)), Policy(3, timedelta(seconds=5))
CLOSE = _call("close", "close", Policy(0, timedelta(seconds=5)))


def _saga(plan: Plan) -> Saga[Plan]:
    def pending(_: Any) -> bool:
        if plan.place in {"pending b", "again b"}:
            ERRORS[plan.error]()
        return plan.place in {"within b", "settle b"}

    b_do = _call("b", "do", DO)
    if plan.place in {"inside b", "attempt b"}:
        b_do = InWorkflow(_inside, b_do.request, b_do.summary, DO)
    wait = Wait(pending, "wait", _at("within b", timedelta(days=1)), _call("b", "settle", DO))
    risk = _at("risk a", 7)
    return Saga(
        Step("a", _call("a", "do", DO), _call("a", "undo", UNDO), at_risk=risk),
        Step("b", b_do, _call("b", "undo", UNDO), wait=wait, then=_at("then b", None)),
        Step("p", _call("p", "do", DO), _call("p", "undo", UNDO), kind=Kind.PIVOT),
        Step("r", _call("r", "do", DO), None, kind=Kind.RETRIABLE),
        close=CLOSE,
    )


@workflow.defn(sandboxed=False)
class DataWorkflow:
    """A workflow that runs the saga of a plan."""

    @workflow.init
    def __init__(self, plan: Plan) -> None:
        self.run_: Run[Plan] = Run(_saga(plan), workflow.info().workflow_id, plan, changed=lambda: None)

    @workflow.run
    async def run(self, plan: Plan) -> dict[str, Any]:
        if plan.place in {"settle b", "again b"}:
            self.run_.accept_event(self.run_.saga.steps[1], StepEvent("paid", settles=True))
        await self.run_.execute()
        return self.view()

    @workflow.query
    def view(self) -> dict[str, Any]:
        run = self.run_
        parked = {name: each.failure.text for name, each in run.parked.items()}
        plan = [(undo.step, undo.summary, undo.at_risk) for undo in run.plan().undos]
        return {"status": run.status, "undone": run.undone, "parked": parked, "reason": run.reason, "plan": plan}

    @workflow.signal
    def skip(self, step: str) -> None:
        self.run_.resolve(step, "skip", {"actor": "test"})


@pytest.fixture
async def queue(skipping: WorkflowEnvironment) -> AsyncIterator[str]:
    world, name = World(), f"data-{uuid.uuid4().hex[:8]}"
    async with Worker(
        skipping.client,
        task_queue=name,
        workflows=[DataWorkflow],
        activities=[world.act],
        max_cached_workflows=0,
        workflow_failure_exception_types=[],
    ):
        yield name


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("place", PLACES)
async def test_data_that_raise_fail_the_step(skipping: WorkflowEnvironment, queue: str, place: str, error: str) -> None:
    undone, parked = PLACES[place]
    if (place, error) == ("inside b", REFUSAL):  # a refused step had no effect
        undone = ["a"]
    handle = await skipping.client.start_workflow(
        DataWorkflow.run, Plan(place, error), id=f"d-{uuid.uuid4().hex[:12]}", task_queue=queue
    )
    async with asyncio.timeout(SECONDS_TO_END):
        if parked:
            while parked not in (await handle.query(DataWorkflow.view))["parked"]:
                await skipping.sleep(timedelta(seconds=1))
            assert "Error" in (await handle.query(DataWorkflow.view))["parked"][parked]
            await handle.signal(DataWorkflow.skip, parked)
        ended = await handle.result()

    assert (ended["undone"], ended["parked"], ended["plan"]) == (undone, {}, [])
    assert ended["status"] == ("completed" if place == "do r" else "compensated")
    if place.split(maxsplit=1)[0] not in {"undo", "summary", "risk"} and place != "do r":
        assert ("RevisionRefused" if place == "then b" else "Error") in ended["reason"]


async def test_a_reply_with_another_attempt_is_the_first(skipping: WorkflowEnvironment, queue: str) -> None:
    async with asyncio.timeout(SECONDS_TO_END):
        ended = await skipping.client.execute_workflow(
            DataWorkflow.run, Plan("attempt b", "value"), id=f"d-{uuid.uuid4().hex[:12]}", task_queue=queue
        )

    assert (ended["status"], ended["undone"]) == ("completed", [])
