"""A saga as Temporal workflow code: the effects end as T1..Tn, or T1..Tj undone as Cj..C1, or parked for a person.

One file, to be copied into any Temporal project: it needs the SDK and the standard library. Declare a saga once,
start one run of it in a workflow, and await it (Garcia-Molina & Salem 1987; step kinds after Richardson):

    SAGA = Saga(Step("reserve", do=RESERVE, undo=RELEASE), Step("ship", do=SHIP, undo=RECALL, kind=Kind.PIVOT))
    run = Run(SAGA, process="o-1", subject=order)
    await run.execute()     # never cut short by a cancel; run.status says how it ended

What an activity must keep: the same key twice is one effect; the undo of what never happened succeeds, and makes a
late do fail. Refuse with a non-retryable ApplicationError of category BENIGN; any other failure is retried by the
policy. A reply's `attempt` field, or the first detail of an ApplicationError, tells on which attempt it came.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from string import Formatter
from typing import Any, Literal, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout

Outcome = Literal["completed", "compensated", "cancelled", "failed"]
Direction = Literal["do", "wait", "event", "settle", "undo", "probe", "resolve", "revise", "close"]
ONCE = RetryPolicy(maximum_attempts=1)


class Kind(StrEnum):
    """Where a step stands: before the point of no return, at it, or after it."""

    COMPENSATABLE = "compensatable"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


class FailureClass(StrEnum):
    """What a failure says of the effect: never happened, was given up, may have happened."""

    REFUSED = "refused"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Policy:
    """How long one attempt may take and how often it is made; `attempts=0` means for ever.

    With `express`, a local activity of that length comes first: quick, and safe because every effect is keyed.
    A run can have it for all of its calls.
    """

    attempts: int = 4
    timeout: timedelta = timedelta(seconds=10)
    heartbeat: timedelta | None = None
    longest_delay: timedelta = timedelta(seconds=30)
    express: timedelta | None = None

    def retries(self) -> RetryPolicy:
        """Return Temporal's retry policy: after 1, 2, 4 ... seconds, at most `longest_delay`."""
        return RetryPolicy(backoff_coefficient=2.0, maximum_interval=self.longest_delay, maximum_attempts=self.attempts)


@dataclass(frozen=True)
class Call:
    """One activity, how its single argument is made from the run and the key, and what people read of it."""

    activity: Callable[..., Any]
    request: Callable[["Run", str], Any]
    summary: Callable[["Run"], str]
    policy: Policy = Policy()


class Inside(Call):
    """A call that the workflow answers itself, from a person or a timer: `activity` is awaited with (run, request)."""


@dataclass(frozen=True)
class Event:
    """What the outside says of a step: it came true, or it failed; `detail` is whatever came along."""

    name: str
    settles: bool
    reason: str = ""
    detail: Any = None


@dataclass(frozen=True)
class Wait:
    """How a step waits whose answer may be only pending, for what and how long; `settle` books the event that came."""

    pending: Callable[[Any], bool]
    summary: str
    within: Callable[["Run"], timedelta]
    settle: Call


@dataclass(frozen=True)
class Step:
    """A step: its do, its undo, and where it stands. `undo=None` is for a step without an effect, and says so.

    `then` is called once the step is done, and may revise what is ahead; its ValueError turns the run back.
    """

    name: str
    do: Call
    undo: Call | None
    kind: Kind = Kind.COMPENSATABLE
    has_effect: bool = True
    probe: Call | None = None
    parks: bool = False
    wait: Wait | None = None
    at_risk: Callable[["Run"], int] = lambda _: 0
    irreversible: str = ""
    then: Callable[["Run"], None] = lambda _: None

    def problem(self, *, after_pivot: bool) -> str | None:
        """Return why a saga with this step here could not keep its promise, or None."""
        if after_pivot != (self.kind is Kind.RETRIABLE):
            where = "after" if after_pivot else "before"
            return f"a {self.kind} step can't stand {where} the pivot"
        if self.wait and (self.kind is not Kind.COMPENSATABLE or self.undo is None):
            return "what waits for an event must have an undo and stand before the pivot"
        if self.kind is Kind.RETRIABLE:
            return "what comes after the pivot is never undone: take its undo away" if self.undo else None
        if self.undo is None:
            return "it has an effect and no undo" if self.has_effect else None
        if self.undo.policy.attempts and self.undo.policy.attempts <= self.do.policy.attempts:
            return "its undo must be tried more often than its do"
        return None


class Saga:
    """A declared saga; raises ValueError when the steps, so ordered, could not keep the promise."""

    def __init__(self, *steps: Step, close: Call, key: str = "{process}:{step}") -> None:
        self.steps, self.close, self._key = steps, close, key
        if {name for _, name, _, _ in Formatter().parse(key) if name} != {"process", "step"}:
            raise ValueError(f"saga key {key!r}: must be made of process and step, the same in every attempt and run")
        after_pivot = False
        for number, step in enumerate(steps):
            problem = "its name is used twice" if step.name in {s.name for s in steps[:number]} else None
            if problem := problem or step.problem(after_pivot=after_pivot):
                raise ValueError(f"saga step {step.name!r}: {problem}")
            after_pivot |= step.kind is Kind.PIVOT

    def key(self, process: str, step: str) -> str:
        """Return the idempotency key of a step of a process."""
        return self._key.format(process=process, step=step)


@dataclass(frozen=True)
class Failure:
    """Why a step did not answer well, and what that says of its effect."""

    step: str
    kind: FailureClass
    type: str
    message: str
    attempt: int


@dataclass
class Execution:
    """One line of the run's history: a step done or undone."""

    step: str
    direction: Direction
    summary: str
    started_at: datetime
    status: str = "pending"
    attempt: int = 1
    completed_at: datetime | None = None
    result: Any = None
    error: str | None = None


@dataclass
class Parked:
    """An effect that waits for a person: what failed, what it may cost, and the decision once there is one."""

    step: Step
    direction: Direction
    failure: Failure
    request: Any
    at_risk: int
    line: Execution
    decision: str | None = None
    edited: Any = None


@dataclass(frozen=True)
class PlannedUndo:
    """One undo that would run if the saga were stopped now."""

    step: str
    key: str
    summary: str
    at_risk: int
    irreversible: str


@dataclass(frozen=True)
class Stop:
    """Why a run stops going forward: a cancel, or its deadline."""

    why: Literal["cancelled", "deadline"]
    reason: str


class StepFailed(Exception):
    """A step came to nothing: the run goes back."""


def classify(step: str, error: BaseException) -> Failure:
    """Return what an activity's error says: the one place that decides between refused, transient and unknown."""
    # A regular activity's failure comes wrapped, a local one's bare.
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    if isinstance(cause, ApplicationError):
        benign = cause.non_retryable and cause.category is ApplicationErrorCategory.BENIGN
        kind = FailureClass.REFUSED if benign else FailureClass.TRANSIENT
        attempt = cause.details[0] if cause.details and isinstance(cause.details[0], int) else 1
        return Failure(step, kind, cause.type or "ApplicationError", cause.message, attempt)
    if isinstance(cause, ActivityTimeout) and cause.type is TimeoutType.SCHEDULE_TO_START:
        return Failure(step, FailureClass.TRANSIENT, "NoWorker", "no worker took it in time", 0)
    if isinstance(cause, ActivityTimeout):
        return Failure(step, FailureClass.UNKNOWN, "Timeout", "no answer in time: it may have happened", 0)
    if is_cancelled_exception(error):
        return Failure(step, FailureClass.UNKNOWN, "Cancelled", "cancelled on its way: it may have happened", 0)
    return Failure(step, FailureClass.TRANSIENT, type(cause).__name__, str(cause), 0)


class Run:
    """One run of a saga inside one workflow; read its fields freely.

    `changed` is called after every change; the activity `alert` once for each effect that begins to wait for a
    person (the last one in `parked`), with the key `{process}:{step}:{direction}:{how many waited before}`.
    With `express`, every call is first tried as a local activity of that length, so that a run that goes well is one
    workflow task. The requests of the undos and of the pivot's probe must then be made of key and subject alone.
    """

    def __init__(  # noqa: PLR0913 - all but the first three by name
        self,
        saga: Saga,
        process: str,
        subject: Any,
        *,
        changed: Callable[[], None],
        alert: Call | None = None,
        deadline: timedelta | None = None,
        express: timedelta | None = None,
    ) -> None:
        if workflow.info().run_id in process:
            raise ValueError("a process id made of the run id would charge twice after a reset")
        self.saga, self.process, self.subject = saga, process, subject
        self.changed, self.alert = changed, alert
        self.deadline = workflow.now() + deadline if deadline else None
        self.express = express
        self.begun: list[Step] = []
        self.ahead: list[Step] = list(saga.steps)
        self.waiting = ""
        self.answers: dict[str, Any] = {}
        self.log: list[Execution] = []
        self.parked: dict[str, Parked] = {}
        self.undone: list[str] = []
        self.waived: list[str] = []
        self.events: dict[str, Event] = {}
        self.failure: Failure | None = None
        self.stopped: Stop | None = None
        self.pivoted = self.unwinding = self.ended = self.overdue = False
        self.closed: Any = None
        self._armed: list[Step] = []
        self._alerts: list[asyncio.Task[None]] = []
        self._forward: asyncio.Task[None] | None = None

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
        return "cancelled" if self.stopped and self.stopped.why == "cancelled" else "compensated"

    @property
    def at_risk(self) -> int:
        """What the parked effects may cost together, in the unit of the steps' own `at_risk`."""
        return sum(parked.at_risk for parked in self.parked.values())

    def key(self, step: str) -> str:
        """Return the idempotency key of one of this run's steps."""
        return self.saga.key(self.process, step)

    def plan(self) -> tuple[list[PlannedUndo], str]:
        """Return the undos that would run if the saga were stopped now, in their order, and the plan's hash."""
        undos = [
            PlannedUndo(s.name, self.key(s.name), s.undo.summary(self), s.at_risk(self), s.irreversible)
            for s in reversed(self._armed)
            if s.undo
        ]
        said = json.dumps([self.process, self.pivoted, [asdict(undo) for undo in undos]], sort_keys=True)
        return undos, hashlib.sha256(said.encode()).hexdigest()[:16]

    async def execute(self) -> None:
        """Go forward to the end; or back, until no effect is open. A cancel stops the first and never the second."""
        while not await self._reach_the_end():
            if self.express and not self.pivoted:
                further = asyncio.create_task(self._went_further())
                await self._see_through(further)
                if further.result():
                    continue
            self.unwinding = True
            self.changed()
            back = asyncio.create_task(self._go_back())
            await self._see_through(back)
            back.result()
            break
        for alert in self._alerts:
            await self._see_through(alert)
        self.ended = True
        self.changed()

    def stop(self, why: Literal["cancelled", "deadline"], reason: str) -> bool:
        """Turn back, if there still is a way back; return whether it was taken by this call."""
        if self.unwinding or self.ended or self.stopped or (self._forward and self._forward.done()):
            return False
        if not self.pivoted:
            self.stopped = Stop(why, reason)
        elif why == "deadline" and not self.parked:  # forward only: the rest waits for a person, not for more attempts
            self.overdue = True
        else:
            return False
        if self._forward:
            self._forward.cancel()
        return not self.pivoted

    def revise(self, *ahead: Step) -> None:
        """Replace the steps that have not begun; raise ValueError when the saga could not keep its promise then."""
        Saga(*self.begun, *ahead, close=self.saga.close)
        self.ahead[:] = ahead
        self.changed()

    def objection(self, step: str, verb: str, *, evidence: bool = False, request: bool = False) -> str | None:
        """Return why a decision on a step can't be taken now, or None."""
        parked = self.parked.get(step)
        if parked is None:
            return f"{step} is not parked"
        if parked.decision:
            return f"{step} is being resolved already: {parked.decision}"
        back = parked.direction == "do" and not self.pivoted
        verbs = ("retry", "edit", "unwind") if back else ("retry", "edit", "skip", "waive")
        if verb not in verbs:
            return f"{verb} is not possible for {step}; possible are {', '.join(verbs)}"
        if verb == "skip" and not evidence:
            return "skip needs evidence that the effect was settled by hand"
        if verb == "edit" and not request:
            return "edit needs the request to send instead"
        return None

    def resolve(self, step: str, verb: str, audit: Any, edited: Any = None) -> None:
        """Take a person's decision on a parked step, with who and why for the history; ask `objection` first."""
        self.log.append(Execution(step, "resolve", verb, workflow.now(), "completed", 1, workflow.now(), audit))
        self.parked[step].decision, self.parked[step].edited = verb, edited

    def deaf(self, step: str) -> str | None:
        """Return why an event on a step can't be taken any more, or None: one that comes early is kept."""
        if self.ended or self.unwinding or self.stopped:
            return f"it came too late: the process is {self.status if self.unwinding or self.ended else 'stopping'}"
        if known := self.events.get(step):
            return f"{known.name} came first, and decided"
        return f"{step} waits for nothing any more" if self.pivoted else None

    def hear(self, step: str, event: Event) -> None:
        """Take the event that decides a step, now or when it comes to wait; ask `deaf` first."""
        self.log.append(Execution(step, "event", event.name, now := workflow.now(), "completed", 1, now, event.detail))
        self.events[step] = event
        self.changed()

    async def _see_through(self, task: asyncio.Task[Any], deadline: datetime | None = None) -> None:
        """Wait until a task has ended, whatever is cancelled meanwhile: a closed workflow would abandon it."""
        while not task.done():
            try:
                left = max(0.0, (deadline - workflow.now()).total_seconds()) if deadline else None
                _, pending = await workflow.wait([task], timeout=left)
                if pending:
                    deadline = None
                    self.stop("deadline", "the order took longer than its deadline")
            except asyncio.CancelledError:
                reason = workflow.cancellation_reason()
                if reason is None:  # not a cancel: the worker drops its copy of this workflow
                    raise
                # An answer that came together with the cancel goes first: a workflow task that was lost may have acted
                # on it already, in a local activity. Conditions are looked at when nothing else is left to run.
                await workflow.wait_condition(lambda: True)
                self.stop("cancelled", reason)

    async def _reach_the_end(self) -> bool:
        """Go forward; return whether that came to its end."""
        self._forward = asyncio.create_task(self._go_forward())
        await self._see_through(self._forward, self.deadline)
        try:
            self._forward.result()
        except (StepFailed, asyncio.CancelledError):
            return False
        return True

    async def _went_further(self) -> bool:
        """Tell whether a workflow task that was lost took the pivot, in local activities that no history knows of.

        Then the way is forward again, to the answers that the participants kept. Else arm all that it may have done.
        """
        if self.failure and self.failure.kind is FailureClass.REFUSED:
            return False  # a refusal is kept under its key: nobody came past it
        steps = [*self.begun, *self.ahead]
        pivot = next(number for number, step in enumerate(steps) if step.kind is Kind.PIVOT)
        if await self._landed(steps[pivot]):
            self.pivoted, self.stopped, self.failure, self.deadline = True, None, None, None
            self.begun.clear()
            self._armed.clear()
            self.ahead[:] = steps
            return True
        self._armed = [step for step in steps[: pivot + 1] if step.undo]
        return False

    async def _go_forward(self) -> None:
        while self.ahead:
            self._turn_back_if_stopped()
            self.begun.append(step := self.ahead.pop(0))
            await self._do(step)
            self._then(step)
            if step.kind is Kind.PIVOT:  # no way back from here, also for a cancel that came while it ran
                self.pivoted, self.stopped = True, None
                self._armed.clear()
        self._turn_back_if_stopped()

    def _then(self, step: Step) -> None:
        try:
            step.then(self)
        except ValueError as problem:
            self.failure = Failure(step.name, FailureClass.TRANSIENT, "RevisionRefused", str(problem), 1)
            raise StepFailed(step.name) from problem

    def _turn_back_if_stopped(self) -> None:
        """A step that answers all the same hides the cancel from us: look again after each."""
        if self.stopped:
            raise asyncio.CancelledError(self.stopped.reason)

    async def _do(self, step: Step) -> None:
        """Do one step, its undo remembered first; raise StepFailed when the saga must go back."""
        if step.undo:
            self._armed.append(step)
        request = step.do.request(self, self.key(step.name))
        while request is not None:
            if (failure := await self._try(step, request) or await self._settled(step)) is None:
                return
            if not self.pivoted and (failure.kind is FailureClass.REFUSED or not step.parks):
                self.failure = failure
                if failure.kind is FailureClass.REFUSED and step.undo:
                    self._armed.remove(step)  # its answer says that nothing happened, and nothing will
                raise StepFailed(step.name)
            request = await self._decided(step, failure, request)

    async def _try(self, step: Step, request: Any) -> Failure | None:
        """Make all the attempts of a step; return why they came to nothing, or None."""
        try:
            self.answers[step.name] = await self._call(step.name, "do", step.do, request)
        except (FailureError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not self.overdue:
                raise
            self._turn_back_if_stopped()
            failure = classify(step.name, error)
            landed = failure.kind is FailureClass.UNKNOWN and await self._landed(step)
            return None if landed else failure
        return None

    async def _settled(self, step: Step) -> Failure | None:
        """Where the answer is only pending, wait for the event that decides; return why it came to nothing, or None."""
        if step.wait is None or not step.wait.pending(self.answers[step.name]):
            return None
        if step.name not in self.events:
            # A cancel that the step swallowed; runs that were waiting in spite of one before this was here wait on.
            if self.stopped and workflow.patched("no-wait-once-stopped"):
                self._turn_back_if_stopped()
            await self._listen(step, step.wait)
        event = self.events.get(step.name)
        if event is None:
            return Failure(step.name, FailureClass.UNKNOWN, "NothingHeard", "no event came in time", 0)
        if event.settles:
            return await self._book(step, step.wait)
        return Failure(step.name, FailureClass.TRANSIENT, event.name, event.reason, 0)

    async def _listen(self, step: Step, wait: Wait) -> None:
        line = Execution(step.name, "wait", wait.summary, workflow.now())
        self.log.append(line)
        self.waiting = step.name
        self.changed()
        within = wait.within(self)
        try:
            await workflow.wait_condition(
                lambda: step.name in self.events, timeout=within, timeout_summary=wait.summary
            )
            line.status = "completed"
        except TimeoutError:
            line.status = "timed out"
        except asyncio.CancelledError:
            line.status, line.completed_at, self.waiting = "cancelled", workflow.now(), ""
            raise
        self._ended(line)

    async def _book(self, step: Step, wait: Wait) -> Failure | None:
        """Have the event that settles a step written down; return why its participant did not take it, or None."""
        request = wait.settle.request(self, self.key(step.name))
        try:
            self.answers[step.name] = await self._call(step.name, "settle", wait.settle, request)
        except FailureError as error:
            if not self.unwinding:
                self._turn_back_if_stopped()
            del self.events[step.name]
            # Never as refused: the step itself was not, so its undo must run.
            return replace(classify(step.name, error), kind=FailureClass.TRANSIENT)
        return None

    async def _book_unheeded(self) -> None:
        """An event that was taken is true though the run went back before it counted: book it, so that it is undone."""
        for step in (*self.begun, *self.ahead):
            wait, event, answer = step.wait, self.events.get(step.name), self.answers.get(step.name)
            if wait and event and event.settles and (answer is None or wait.pending(answer)):
                if step not in self._armed:
                    self._armed.append(step)
                await self._book(step, wait)

    async def _landed(self, step: Step) -> bool:
        """Ask, where the step has a probe, whether it landed; keep its answer if it did."""
        if step.probe is None:
            return False
        try:
            request = step.probe.request(self, self.key(step.name))
            answer = await self._call(step.name, "probe", step.probe, request)
        except FailureError:
            return False  # nobody can tell: the keyed undo settles it either way
        if answer is not None:
            self.answers[step.name] = answer
        return answer is not None

    async def _go_back(self) -> None:
        """Undo in reverse order of start; what can't be undone waits for a person while the others go on."""
        await self._book_unheeded()
        for step in reversed(self._armed.copy()):
            await self._undo(step)
        while self.parked:
            await workflow.wait_condition(lambda: any(parked.decision for parked in self.parked.values()))
            for parked in [parked for parked in self.parked.values() if parked.decision]:
                self._unpark(parked)
                if parked.decision in {"retry", "edit"}:
                    await self._undo(parked.step, parked.edited or parked.request)
        if self._armed:
            raise RuntimeError(f"{self.process}: an effect would be left open: {self._armed}")
        # What stands: a workflow task that was lost may have closed it as compensated before it was cancelled.
        request = self.saga.close.request(self, self.key("close"))
        self.closed = await self._call("close", "close", self.saga.close, request)

    async def _undo(self, step: Step, request: Any = None) -> None:
        undo = cast("Call", step.undo)  # only steps with an undo are armed
        request = request or undo.request(self, self.key(step.name))
        try:
            await self._call(step.name, "undo", undo, request)
        except FailureError as error:
            self._set_aside(step, "undo", classify(step.name, error), request)
        else:
            self._armed.remove(step)
            self.undone.append(step.name)

    def _set_aside(self, step: Step, direction: Direction, failure: Failure, request: Any) -> Parked:
        line = next(line for line in reversed(self.log) if (line.step, line.direction) == (step.name, direction))
        line.status = "parked"
        self.parked[step.name] = parked = Parked(step, direction, failure, request, step.at_risk(self), line)
        self.changed()
        if self.alert:
            key = f"{self.key(step.name)}:{direction}:{len(self._alerts)}"
            self._alerts.append(asyncio.create_task(self._tell(self.alert, self.alert.request(self, key))))
        return parked

    async def _tell(self, alert: Call, request: Any) -> None:
        """Alert people while the saga goes on; one who can't be reached doesn't hold it up for ever."""
        try:
            await _run_activity(alert, request, alert.summary(self), alert.policy.express)
        except FailureError:
            workflow.logger.exception("nobody could be told of what waits for a person")

    async def _decided(self, step: Step, failure: Failure, request: Any) -> Any:
        """Wait for a person on a step that can't go forward; return the request to try again, or None to go on."""
        parked = self._set_aside(step, "do", failure, request)
        try:
            await workflow.wait_condition(lambda: parked.decision is not None)
        except asyncio.CancelledError:
            self._unpark(parked)
            raise
        self._unpark(parked)
        if parked.decision in {"unwind", "waive"}:
            self.failure = failure
        if parked.decision == "unwind":
            raise StepFailed(step.name)
        self.events.pop(step.name, None)  # tried again, it waits for another
        return None if parked.decision in {"skip", "waive"} else parked.edited or request

    def _unpark(self, parked: Parked) -> None:
        """Leave the work list; what was skipped or waived is no longer open, and the history says so."""
        del self.parked[parked.step.name]
        parked.line.status = {"skip": "skipped", "waive": "waived"}.get(parked.decision or "", "failed")
        if parked.line.status != "failed" and parked.step in self._armed:
            self._armed.remove(parked.step)
        if parked.decision == "waive":
            self.waived.append(parked.step.name)
        self.changed()

    async def _call(self, step: str, direction: Direction, call: Call, request: Any) -> Any:
        """Run one activity to its end, as a line of the history."""
        line = Execution(step, direction, call.summary(self), workflow.now())
        self.log.append(line)
        self.changed()
        try:
            if isinstance(call, Inside):
                line.result = await call.activity(self, request)
            else:
                express = call.policy.express or self.express
                line.result = await _run_activity(call, request, line.summary, express)
            line.status, line.attempt = "completed", getattr(line.result, "attempt", 1)
        except (FailureError, asyncio.CancelledError) as error:
            failure = classify(step, error)
            line.status, line.error = failure.kind, f"{failure.type}: {failure.message}"
            line.attempt = failure.attempt or (call.policy.attempts if failure.type == "Timeout" else 1)
            self._ended(line)
            raise
        self._ended(line)
        return line.result

    def _ended(self, line: Execution) -> None:
        """Not in a `finally`: a worker that drops its copy of the workflow runs that where there is no time to ask."""
        self.waiting, line.completed_at = "", workflow.now()
        self.changed()


async def _run_activity(call: Call, request: Any, summary: str, express: timedelta | None) -> Any:
    policy = call.policy
    if express:
        try:
            return await workflow.execute_local_activity(
                call.activity,
                request,
                start_to_close_timeout=express,
                retry_policy=ONCE,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            )
        except FailureError as error:
            if classify("", error).kind is FailureClass.REFUSED or is_cancelled_exception(error):
                raise
    return await workflow.execute_activity(
        call.activity,
        request,
        start_to_close_timeout=policy.timeout,
        heartbeat_timeout=policy.heartbeat,
        retry_policy=policy.retries(),
        # A cancelled do has ended, one way or the other, before its undo starts; tombstones guard what this can't.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
