"""What a saga is declared of: calls of activities, steps with their undo, and the order in which they stand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from string import Formatter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from temporalio.common import RetryPolicy

if TYPE_CHECKING:
    from temporal_saga.run import Run

S = TypeVar("S")
A_co = TypeVar("A_co", covariant=True)


class Kind(StrEnum):
    """Where a step stands: before the point of no return, at it, or after it."""

    COMPENSATABLE = "compensatable"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


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
class Call(Generic[S, A_co]):
    """One activity, how its single argument is made from the run and the key, and what people read of it."""

    activity: Callable[..., Awaitable[A_co]]
    request: Callable[["Run[S]", str], Any]
    summary: Callable[["Run[S]"], str]
    policy: Policy = Policy()


class InWorkflow(Call[S, A_co]):
    """A call that the workflow answers itself, from a person or a timer: `activity` is awaited with (run, request)."""


@dataclass(frozen=True)
class StepEvent:
    """An event from outside that decides a step: it settles it or makes it fail; `detail` is whatever came along."""

    name: str
    settles: bool
    reason: str = ""
    detail: Any = None


@dataclass(frozen=True)
class Wait(Generic[S, A_co]):
    """How a step waits whose answer may be only pending: for what, how long, and the call that books its event."""

    pending: Callable[[Any], bool]
    summary: str
    within: Callable[["Run[S]"], timedelta]
    settle: Call[S, A_co]


@dataclass(frozen=True)
class Step(Generic[S, A_co]):
    """A step: its do, its undo, and where it stands. `undo=None` is for a step without an effect, and says so.

    `then` is called once the step is done, and may revise what is ahead; its ValueError turns the run back.
    `at_risk` is the amount that an open effect may cost, in a unit of the saga's own.
    """

    name: str
    do: Call[S, A_co]
    undo: Call[S, Any] | None
    kind: Kind = Kind.COMPENSATABLE
    has_effect: bool = True
    probe: Call[S, A_co | None] | None = None
    parks: bool = False
    wait: Wait[S, A_co] | None = None
    at_risk: Callable[["Run[S]"], int] = lambda _: 0
    irreversible: str = ""
    then: Callable[["Run[S]"], None] = lambda _: None

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


class Saga(Generic[S]):
    """A declared saga; raises ValueError when the steps, so ordered, could not keep the promise.

    `close` is called once all is undone, for as long as it takes. The `key` of a step is made of process and step.
    """

    def __init__(self, *steps: Step[S, Any], close: Call[S, Any], key: str = "{process}:{step}") -> None:
        self.steps, self.close, self._key = steps, close, key
        if {name for _, name, _, _ in Formatter().parse(key) if name} != {"process", "step"}:
            raise ValueError(f"saga key {key!r}: must be made of process and step, the same in every attempt and run")
        after_pivot = False
        for number, step in enumerate(steps):
            problem = "its name is used twice" if step.name in {s.name for s in steps[:number]} else None
            if problem := problem or step.problem(after_pivot=after_pivot):
                raise ValueError(f"saga step {step.name!r}: {problem}")
            after_pivot |= step.kind is Kind.PIVOT

    @property
    def pivot(self) -> Step[S, Any] | None:
        """The point of no return, if the saga has one."""
        return next((step for step in self.steps if step.kind is Kind.PIVOT), None)

    def key(self, process: str, step: str) -> str:
        """Return the idempotency key of a step of a process."""
        return self._key.format(process=process, step=step)
