"""A saga of four scripted steps, a, b, p (pivot) and r (retriable), to test the package temporal_saga."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from temporal_saga import Call, Kind, Policy, Run, Saga, Step

STEPS = ("a", "b", "p", "r")


@dataclass
class Ask:
    """A request to the scripted activity; `script` has a behaviour for each attempt, the last one is repeated."""

    key: str
    step: str
    direction: str
    script: list[str]


@dataclass
class Answer:
    """The reply of the scripted activity."""

    key: str
    attempt: int


@dataclass
class Scenario:
    """A run of the rig; `scripts`: "step:direction" ("b:do") → behaviours. Calls without a script succeed."""

    scripts: dict[str, list[str]] = field(default_factory=dict)
    deadline: float | None = None
    parks: bool = False


class World:
    """The participants, which record their calls, are idempotent by key, and leave tombstones."""

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}
        self.called = asyncio.Condition()
        self.repaired: set[str] = set()
        self.calls: dict[str, list[tuple[str, str, float]]] = defaultdict(list)

    @activity.defn
    async def act(self, ask: Ask) -> Answer:
        """Perform the scripted behaviour of this attempt."""
        attempt = activity.info().attempt
        order, when = ask.key.split(":")[0], asyncio.get_running_loop().time()
        async with self.called:
            self.calls[order].append((ask.direction, ask.step, when))
            self.called.notify_all()
        behaviour = "ok" if ask.key in self.repaired else ask.script[min(attempt, len(ask.script)) - 1]
        if behaviour == "refuse":
            raise ApplicationError("no", type="No", non_retryable=True, category=ApplicationErrorCategory.BENIGN)
        if behaviour == "fail":
            raise ApplicationError("not now", attempt, type="NotNow")
        if behaviour == "hang":
            await self._hang()
        self._apply(ask)
        if behaviour == "lose":
            await self._hang()
        if behaviour == "stubborn":  # replies although the activity was cancelled
            for _ in range(10):
                activity.heartbeat()
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
        return Answer(ask.key, attempt)

    async def _hang(self) -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)

    def _apply(self, ask: Ask) -> None:
        before = self.effects.get(ask.key)
        if ask.direction == "undo":
            self.effects[ask.key] = "undone" if before in {"done", "undone"} else "tombstone"
        elif before in {"undone", "tombstone"}:
            raise ApplicationError("undone already", type="AlreadyUndone", non_retryable=True)
        else:
            self.effects[ask.key] = "done"

    def order_of(self, process: str, direction: str) -> list[str]:
        """Return the steps called in one direction, in order, with one entry per attempt."""
        return [step for way, step, _ in self.calls[process] if way == direction]


def _call(step: str, direction: str, policy: Policy) -> Call[Scenario, Answer]:
    def request(run: Run[Scenario], key: str) -> Ask:
        return Ask(key, step, direction, run.subject.scripts.get(f"{step}:{direction}", ["ok"]))

    return Call(World.act, request, lambda _: f"{direction} {step}", policy)


NOT_BEGUN = frozenset({"NotBegun"})
DO = Policy(4, timedelta(seconds=1), timedelta(seconds=0.5), not_begun=NOT_BEGUN)
UNDO = Policy(6, timedelta(seconds=1), timedelta(seconds=0.5), not_begun=NOT_BEGUN)
CLOSE = _call("close", "close", Policy(attempts=0, timeout=timedelta(seconds=5)))


def rig_saga(*, parks: bool) -> Saga[Scenario]:
    """Return the rig's saga; with `parks`, a failure of a or b is parked before it unwinds."""
    return Saga(
        Step("a", do=_call("a", "do", DO), undo=_call("a", "undo", UNDO), parks=parks, at_risk=lambda _: 7),
        Step("b", do=_call("b", "do", DO), undo=_call("b", "undo", UNDO), parks=parks, at_risk=lambda _: 11),
        Step("p", do=_call("p", "do", DO), undo=_call("p", "undo", UNDO), kind=Kind.PIVOT),
        Step("r", do=_call("r", "do", UNDO), undo=None, kind=Kind.RETRIABLE),  # has to succeed: more attempts
        close=CLOSE,
    )


@workflow.defn
class RigWorkflow:
    """A workflow that runs the rig's saga and returns its final state."""

    @workflow.init
    def __init__(self, plan: Scenario) -> None:
        deadline = timedelta(seconds=plan.deadline) if plan.deadline else None
        process = workflow.info().workflow_id
        self.run_ = Run(rig_saga(parks=plan.parks), process, plan, changed=self._changed, deadline=deadline)
        self.statuses: list[str] = []

    @workflow.run
    async def run(self, plan: Scenario) -> dict[str, Any]:
        await self.run_.execute()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.view()

    @workflow.query
    def view(self) -> dict[str, Any]:
        run = self.run_
        return {
            "status": run.status,
            "statuses": self.statuses,
            "undone": run.undone,
            "waived": run.waived,
            "parked": sorted(run.parked),
            "at_risk": run.at_risk,
            "failure": run.failure.kind if run.failure else None,
            "stopped": run.stopped.kind if run.stopped else None,
            "log": [[line.direction, line.step, line.status, line.attempt] for line in run.history],
            "errors": [line.error for line in run.history],
            "plan": [undo.step for undo in run.plan().undos],
            "hash": run.plan().hash,
        }

    @workflow.update
    async def stop(self, reason: str) -> bool:
        return self.run_.stop("cancelled", reason)

    @workflow.update
    async def decide(self, decision: list[str]) -> str:
        step, verb = decision
        if objection := self.run_.decision_objection(step, verb, evidence=True, request=True):
            return objection
        edited = None
        if verb == "edit":
            edited = Ask(self.run_.key(step), step, self.run_.parked[step].direction, ["ok"])
        self.run_.resolve(step, verb, {"actor": "test"}, edited)
        return "taken"

    def _changed(self) -> None:
        if not self.statuses or self.statuses[-1] != self.run_.status:
            self.statuses.append(self.run_.status)
