"""One run of a saga inside one workflow: where it is, and what a workflow and its people ask of it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar, cast

from temporalio import workflow

from temporal_saga.backward import compensate
from temporal_saga.decisions import Parked, decision_objection, resolve
from temporal_saga.declaration import Call, Saga, Step, StepEvent
from temporal_saga.failures import Failure
from temporal_saga.forward import go_forward
from temporal_saga.history import History
from temporal_saga.lost_tasks import pivot_was_lost
from temporal_saga.plan import Plan, plan_of
from temporal_saga.stopping import StopReason, wait_to_end
from temporal_saga.waiting import accept_event, event_objection

S = TypeVar("S")
A = TypeVar("A")
Outcome = Literal["completed", "compensated", "cancelled", "failed"]
REASON_AT_MOST = 1000


class Run(Generic[S]):
    """One run of a saga; read its fields freely, and change them through its methods only.

    `changed` is called after every change; the activity `alert` once for each effect that begins to wait for a
    person (the last one in `parked`), with the key `{process}:{step}:{direction}:{how many waited before}`.
    With `express`, every call is first tried as a local activity of that length, so that a run that goes well is one
    workflow task. The requests of the undos and of the pivot's probe must then be made of key and subject alone.
    """

    def __init__(  # noqa: PLR0913 - all but the first three by name
        self,
        saga: Saga[S],
        process: str,
        subject: S,
        *,
        changed: Callable[[], None],
        alert: Call[S, Any] | None = None,
        deadline: timedelta | None = None,
        express: timedelta | None = None,
    ) -> None:
        if workflow.info().run_id in process:
            raise ValueError("a process id made of the run id would charge twice after a reset")
        self.saga, self.process, self.subject = saga, process, subject
        self.changed, self.alert, self.express = changed, alert, express
        self.deadline = workflow.now() + deadline if deadline else None
        # How far it is: the steps that have begun, those ahead, and the undos that would run now, in order of start.
        self.begun: list[Step[S, Any]] = []
        self.ahead: list[Step[S, Any]] = list(saga.steps)
        self.pending_undos: list[Step[S, Any]] = []
        self.pivoted = self.unwinding = self.ended = self.overdue = False
        self.waiting = ""
        # What came of it, by step.
        self.answers: dict[str, Any] = {}
        self.events: dict[str, StepEvent] = {}
        self.parked: dict[str, Parked] = {}
        self.undone: list[str] = []
        self.waived: list[str] = []
        self.history = History()
        self.failure: Failure | None = None
        self.stopped: StopReason | None = None
        self.closed: Any = None
        self.alerts: list[asyncio.Task[None]] = []
        self.forward: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """One of running, waiting, compensating, needs_attention; at the end, the outcome."""
        if self.parked:
            return "needs_attention"
        if self.ended:
            return self.outcome
        return "compensating" if self.unwinding else "waiting" if self.waiting else "running"

    @property
    def outcome(self) -> Outcome:
        """What the run comes to, the way it goes: completed, compensated, cancelled, or failed (something waived)."""
        if stands := getattr(self.closed, "outcome", None):
            return cast("Outcome", stands)
        if self.waived:
            return "failed"
        if not self.unwinding:
            return "completed"
        return "cancelled" if self.stopped and self.stopped.kind == "cancelled" else "compensated"

    @property
    def reason(self) -> str:
        """Why the run went back, in one printable line; empty when it did not."""
        # What stands: the first call that closed it may have been of a workflow task that was lost.
        if first := getattr(self.closed, "reason", ""):
            return str(first)
        why = ""
        if self.stopped:
            why = f"{self.stopped.kind}: {self.stopped.reason}"
        elif self.failure:
            why = f"{self.failure.step}: {self.failure.text}"
        # A native cancel's reason comes as it was typed, and databases keep no NUL: the run could never be closed.
        return "".join(c if c.isprintable() else " " for c in why)[:REASON_AT_MOST]

    @property
    def at_risk(self) -> int:
        """What the parked effects may cost together, in the unit of the steps' own `at_risk`."""
        return sum(parked.at_risk for parked in self.parked.values())

    @property
    def cancellable(self) -> bool:
        """Whether there is a way back that the run does not go yet."""
        return not (self.pivoted or self.unwinding or self.ended)

    def key(self, step: str) -> str:
        """Return the idempotency key of one of this run's steps."""
        return self.saga.key(self.process, step)

    def answer(self, step: Step[S, A]) -> A | None:
        """Return what a step answered, None before it did."""
        found: A | None = self.answers.get(step.name)
        return found

    def answer_of(self, step: Step[S, A]) -> A:
        """Return what a step answered; raise LookupError before it did."""
        found = self.answer(step)
        if found is None:
            raise LookupError(f"{step.name} has not answered yet")
        return found

    def plan(self) -> Plan:
        """Return the undos that would run if the run were stopped now, in their order, and the plan's hash."""
        return plan_of(self)

    async def execute(self) -> None:
        """Go forward to the end; or back, until no effect is open. A cancel stops the first and never the second."""
        while not await go_forward(self):
            if self.express and not self.pivoted:
                further = asyncio.create_task(pivot_was_lost(self))
                await wait_to_end(self, further)
                if further.result():
                    continue
            self.unwinding = True
            self.changed()
            await self.finish(asyncio.create_task(compensate(self)))
            break
        await self.end()

    async def finish(self, work: asyncio.Task[Any]) -> None:
        """Wait for work to its end, whatever is cancelled meanwhile; raise what it raised."""
        await wait_to_end(self, work)
        work.result()

    async def end(self) -> None:
        """Wait for the alerts that are under way, and mark the run as ended."""
        for alert in self.alerts:
            await wait_to_end(self, alert)
        self.ended = True
        self.changed()

    def stop(self, why: Literal["cancelled", "deadline"], reason: str) -> bool:
        """Turn back, if there still is a way back; return whether it was taken by this call."""
        if self.unwinding or self.ended or self.stopped or (self.forward and self.forward.done()):
            return False
        if not self.pivoted:
            self.stopped = StopReason(why, reason)
        elif why == "deadline" and not self.parked:  # forward only: the rest waits for a person, not for more attempts
            self.overdue = True
        else:
            return False
        if self.forward:
            self.forward.cancel()
        return not self.pivoted

    def decision_objection(self, step: str, verb: str, *, evidence: bool = False, request: bool = False) -> str | None:
        """Return why a decision on a step can't be taken now, or None."""
        return decision_objection(self, step, verb, evidence=evidence, request=request)

    def resolve(self, step: str, verb: str, audit: Any, edited: Any = None) -> None:
        """Take a person's decision on a parked step, with who and why for the history; ask for an objection first."""
        resolve(self, step, verb, audit, edited)

    def event_objection(self, step: Step[S, Any]) -> str | None:
        """Return why an event that decides a step can't be accepted any more, or None: one that comes early is kept."""
        return event_objection(self, step.name)

    def accept_event(self, step: Step[S, Any], event: StepEvent) -> None:
        """Accept the event that decides a step, now or when it comes to wait; ask for an objection first."""
        accept_event(self, step.name, event)

    def revise(self, *ahead: Step[S, Any]) -> None:
        """Replace the steps that have not begun; raise ValueError when the saga could not keep its promise then."""
        Saga(*self.begun, *ahead, close=self.saga.close)
        self.ahead[:] = ahead
        self.changed()
