"""The declaration of a saga: activity calls, steps with their undo, and the order of the steps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from temporalio.common import RetryPolicy

from temporal_saga.keys import CLOSE, between_of, name_problem

if TYPE_CHECKING:
    from temporal_saga.run import Run

# Of one attempt; longer times overflow in the server's protocol or in a calendar.
LONGEST = timedelta(days=366)
# The server counts attempts in 32 bits.
ATTEMPTS_AT_MOST = 2**31 - 1

S = TypeVar("S")
A_co = TypeVar("A_co", covariant=True)


class Kind(StrEnum):
    """The kind of a step: before the pivot (the point of no return), the pivot, or after it.

    The names are those of microservices.io/patterns/data/saga.html.
    """

    COMPENSATABLE = "compensatable"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


@dataclass(frozen=True)
class Policy:
    """The limits of one call: `attempts` (0 means without limit), `timeout` and `heartbeat` of one attempt.

    `longest_delay` is the upper limit of the backoff between attempts. With `express`, a local activity with that
    timeout comes first: it saves a task, and is safe because every effect has an idempotency key. `not_begun` are the
    error types of attempts that began nothing of the request: they use up no attempt, as an activity that no worker has
    registered does. Raises ValueError for a number of attempts or a time that the server can't count.
    """

    attempts: int = 4
    timeout: timedelta = timedelta(seconds=10)
    heartbeat: timedelta | None = None
    longest_delay: timedelta = timedelta(seconds=30)
    express: timedelta | None = None
    not_begun: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.attempts <= ATTEMPTS_AT_MOST:
            raise ValueError(f"attempts: must be 0, for no limit, or up to {ATTEMPTS_AT_MOST}, not {self.attempts}")
        for name in ("timeout", "heartbeat", "longest_delay", "express"):
            time = getattr(self, name)
            if time is not None and not timedelta() < time <= LONGEST:
                raise ValueError(f"{name}: must be above 0 and at most {LONGEST.days} days, not {time}")

    def retries(self, first: timedelta = timedelta(seconds=1)) -> RetryPolicy:
        """Return Temporal's retry policy: a backoff of 1, 2, 4 ... times `first`, up to `longest_delay`."""
        return RetryPolicy(
            initial_interval=min(first, self.longest_delay),
            backoff_coefficient=2.0,
            maximum_interval=self.longest_delay,
            maximum_attempts=self.attempts,
        )


@dataclass(frozen=True)
class Call(Generic[S, A_co]):
    """One activity call.

    `request`: (run, idempotency key) → the activity's only argument; `summary`: run → the text in the Web UI.
    """

    activity: Callable[..., Awaitable[A_co]]
    request: Callable[["Run[S]", str], Any]
    summary: Callable[["Run[S]"], str]
    policy: Policy = Policy()


class InWorkflow(Call[S, A_co]):
    """A call that runs as workflow code, for example a wait: the coroutine function `activity` gets (run, request)."""


@dataclass(frozen=True)
class StepEvent:
    """An external event that decides a waiting step: the step is settled, or fails for `reason`.

    `detail`, any JSON value, is recorded in the run's history; the request of `Wait.settle` may use it.
    """

    name: str
    settles: bool
    reason: str = ""
    detail: Any = None


@dataclass(frozen=True)
class Wait(Generic[S, A_co]):
    """A wait for an external event, for a step whose answer may be pending.

    `pending`: answer → whether to wait; `within`: run → the longest wait; `settle`: the call that records the event
    with the participant, and whose reply replaces the step's answer.
    """

    pending: Callable[[Any], bool]
    summary: str
    within: Callable[["Run[S]"], timedelta]
    settle: Call[S, A_co]


@dataclass(frozen=True)
class Step(Generic[S, A_co]):
    """One step of a saga: the call that does it, the call that undoes it, and its kind.

    `undo` is None for a retriable step, and for a step with `has_effect=False`. `probe` asks whether the effect exists:
    its reply is the do's reply, or None. With `parks`, a do that failed without a refusal waits for an operator.
    `at_risk` is the amount that an open effect may cost, in the saga's own unit; `irreversible` says in the undo plan
    what the undo can't restore. `then` is called after the step and may revise the steps ahead; its ValueError turns
    the run back.
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
        """Return why a saga can't have this step at this place, or None."""
        if after_pivot != (self.kind is Kind.RETRIABLE):
            where = "after" if after_pivot else "before"
            return f"a {self.kind} step can't come {where} the pivot"
        if self.wait and (self.kind is not Kind.COMPENSATABLE or self.undo is None):
            return "a step that waits for an event must have an undo and come before the pivot"
        if self.kind is Kind.RETRIABLE:
            return "a step after the pivot is never undone: remove its undo" if self.undo else None
        if self.undo is None:
            return "it has an effect but no undo" if self.has_effect else None
        if not self.has_effect:
            return "it has an undo but no effect"
        more = not self.undo.policy.attempts or 0 < self.do.policy.attempts < self.undo.policy.attempts
        return None if more else "its undo must have more attempts than its do"


class Saga(Generic[S]):
    """A declared saga: steps in order, at most one pivot, only retriable steps after it.

    `close` is called after the last undo, to record the outcome; a reply with the fields `outcome` and `reason`
    overrides those of the run. `key` is the format of the idempotency keys. Raises ValueError for steps or a key with
    which a run could end with an open effect.
    """

    def __init__(self, *steps: Step[S, Any], close: Call[S, Any], key: str = "{process}:{step}") -> None:
        self.steps, self.close, self._key = steps, close, key
        try:
            between = between_of(key)
        except ValueError as wrong:
            raise ValueError(f"saga key {key!r}: {wrong}") from None
        after_pivot = False
        for number, step in enumerate(steps):
            taken = {CLOSE, *(s.name for s in steps[:number])}
            if problem := name_problem(step.name, taken, between) or step.problem(after_pivot=after_pivot):
                raise ValueError(f"saga step {step.name!r}: {problem}")
            after_pivot |= step.kind is Kind.PIVOT

    @property
    def pivot(self) -> Step[S, Any] | None:
        """Return the saga's pivot step (the point of no return), or None."""
        return next((step for step in self.steps if step.kind is Kind.PIVOT), None)

    def key(self, process: str, step: str) -> str:
        """Return the idempotency key of a step of a process."""
        return self._key.format(process=process, step=step)
