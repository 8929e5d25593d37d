"""One run of a saga inside one workflow: its state, and the methods for the workflow's queries and updates."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar, cast

from temporalio import workflow

from temporal_saga.backward import compensate
from temporal_saga.decisions import Parked, alerts_recorded, decision_objection, resolve
from temporal_saga.declaration import Call, Group, Saga, Step, StepEvent, one_by_one
from temporal_saga.failures import Failure
from temporal_saga.forward import go_forward, turn_forward
from temporal_saga.history import History
from temporal_saga.lost_tasks import pivot_was_lost
from temporal_saga.plan import Plan, plan_of
from temporal_saga.stopping import StopReason, finish, reason_of, shortened
from temporal_saga.waiting import accept_event, event_objection

S = TypeVar("S")
A = TypeVar("A")
Outcome = Literal["completed", "compensated", "cancelled", "failed"]


class Run(Generic[S]):
    """One run of a saga; its fields are read-only for callers. Create it in workflow code, best in `@workflow.init`.

    `process` is the id in every idempotency key: ValueError if it contains the Temporal run id. Requests are built from
    `subject`. `changed` is called after every change. `alert` is called for each newly parked effect (the last one of
    `parked`), with the key `{process}:{step}:{direction}:{number of earlier alerts}`. `deadline` limits the forward
    path. With `express`, a call that `local` allows, by the history alone, is first a local activity of that length, so
    that a run without failures is one workflow task; undos and the pivot's probe may then use only key and subject.
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
        local: Callable[[Call[S, Any]], bool] = lambda _: True,
    ) -> None:
        if workflow.info().run_id in process:
            raise ValueError("a process id made of the run id would charge twice after a reset")
        self.saga, self.process, self.subject = saga, process, subject
        self.changed, self.alert, self.express, self.local = changed, alert, express, local
        self.deadline = workflow.now() + shortened(deadline) if deadline else None
        # The progress: steps begun, those of them that have not ended, steps ahead, and the steps whose undo would run
        # now, in order of start.
        self.begun: list[Step[S, Any]] = []
        self.doing: list[Step[S, Any]] = []
        self.ahead: list[Step[S, Any]] = list(saga.steps)
        self.pending_undos: list[Step[S, Any]] = []
        self.pivoted = self.unwinding = self.returning = self.ended = self.overdue = False
        self.waiting = ""
        # The results, by step name.
        self.answers: dict[str, Any] = {}
        self.events: dict[str, StepEvent] = {}
        self.parked: dict[str, Parked] = {}
        self.undone: list[str] = []
        self.waived: list[str] = []
        self.history = History()
        self.failure: Failure | None = None
        self.stopped: StopReason | None = None
        self.cancel_requested = False
        self.interrupted: asyncio.CancelledError | None = None  # raised again at the end
        self.closed: Any = None
        self.alerts: list[asyncio.Task[None]] = []
        self.alerted_at = workflow.now()
        self.forward: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """Return running, waiting, compensating or needs_attention; after the end, the outcome."""
        if self.parked:
            return "needs_attention"
        if self.ended:
            return self.outcome
        return "compensating" if self.unwinding else "waiting" if self.waiting else "running"

    @property
    def outcome(self) -> Outcome:
        """Return the outcome to expect now: completed, compensated, cancelled, or failed (an effect was waived)."""
        if recorded := getattr(self.closed, "outcome", None):
            return cast("Outcome", recorded)
        if self.waived:
            return "failed"
        if not self.unwinding:
            return "completed"
        return "cancelled" if self.stopped and self.stopped.kind == "cancelled" else "compensated"

    @property
    def reason(self) -> str:
        """Return why the run went back, in one printable line of at most 1000 characters; empty if it did not."""
        # A lost workflow task may have recorded another reason first.
        return str(getattr(self.closed, "reason", "")) or reason_of(self)

    @property
    def at_risk(self) -> int:
        """Return what the parked effects may cost together, in the unit of the steps' `at_risk`."""
        return sum(parked.at_risk for parked in self.parked.values())

    @property
    def cancellable(self) -> bool:
        """Return whether a cancel would turn the run back."""
        return not (self.pivoted or self.unwinding or self.ended)

    def key(self, step: str) -> str:
        """Return the idempotency key of one of this run's steps."""
        return self.saga.key(self.process, step)

    def answer(self, step: Step[S, A]) -> A | None:
        """Return a step's answer, None before it has one."""
        found: A | None = self.answers.get(step.name)
        return found

    def answer_of(self, step: Step[S, A]) -> A:
        """Return a step's answer; raise LookupError before it has one."""
        found = self.answer(step)
        if found is None:
            raise LookupError(f"{step.name} has not answered yet")
        return found

    def plan(self) -> Plan:
        """Return the undos that would run if the run were stopped now, in order, and their hash."""
        return plan_of(self)

    async def execute(self) -> None:
        """Run the saga until no effect is open; nothing interrupts compensation. Raise as `close` does.

        The pivot, if it may have happened, is undone first. If its undo fails with one of its `Policy.settled`, a run
        that Temporal lost has settled the effects: this run then goes forward, and can't go back any more. If the first
        step after the pivot fails with one of its `Policy.undone`, this run goes back. A request to cancel the workflow
        turns the run back, and `execute` returns. Any other cancel of its caller, such as
        `asyncio.timeout`, does so too, but its CancelledError is raised again when no effect is open.
        """
        while not await go_forward(self):
            if self.express and not self.pivoted and await finish(self, lambda: pivot_was_lost(self)):
                continue
            self.unwinding = True
            self.changed()
            if await finish(self, lambda: compensate(self)):
                break
            turn_forward(self, [step for step in (*self.begun, *self.ahead) if step.name not in self.answers])
        await self.end()

    async def end(self) -> None:
        """Mark the run as ended, once its alerts are recorded; raise the CancelledError of a cancelled caller."""
        await finish(self, lambda: alerts_recorded(self))
        self.ended = True
        self.changed()
        if self.interrupted:
            raise self.interrupted

    def stop(self, why: Literal["cancelled", "deadline"], reason: str) -> bool:
        """Turn the run back if it has not passed its pivot; return whether this call did."""
        if self.unwinding or self.ended or self.stopped or (self.forward and self.forward.done()):
            return False
        if not self.pivoted:
            self.stopped = StopReason(why, reason)
        elif why == "deadline" and not self.parked:  # past the pivot: the step waits for an operator, without retries
            self.overdue = True
        else:
            return False
        if self.forward:
            self.forward.cancel()
        return not self.pivoted

    def decision_objection(self, step: str, verb: str, *, evidence: bool = False, request: bool = False) -> str | None:
        """Return why an operator's decision on a step can't be accepted now, or None.

        `verb`: retry, edit, skip, waive or unwind; `evidence` and `request` are whether the decision has them.
        """
        return decision_objection(self, step, verb, evidence=evidence, request=request)

    def resolve(self, step: str, verb: str, audit: Any, edited: Any = None) -> None:
        """Accept a decision without objection; the history records `audit`, and `edited` is the request of an edit."""
        resolve(self, step, verb, audit, edited)

    def event_objection(self, step: Step[S, Any]) -> str | None:
        """Return why an event that decides a step can't be accepted any more, or None; an early event is accepted."""
        return event_objection(self, step.name)

    def accept_event(self, step: Step[S, Any], event: StepEvent) -> None:
        """Accept the event that decides a step, which may not have started yet; check `event_objection` first."""
        accept_event(self, step.name, event)

    def revise(self, *ahead: Step[S, Any] | Group[S]) -> None:
        """Replace the steps that have not begun; raise ValueError if `Saga` would refuse the result."""
        Saga(*self.begun, *ahead, close=self.saga.close)
        self.ahead[:] = one_by_one(ahead)
        self.changed()
