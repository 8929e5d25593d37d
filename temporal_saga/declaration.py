"""The declaration of a saga: activity calls, steps with their undo, and the order of the steps."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from temporal_saga.keys import CLOSE, between_of, name_problem
from temporal_saga.policy import Policy

if TYPE_CHECKING:
    from temporal_saga.run import Run

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
class Call(Generic[S, A_co]):
    """One activity call.

    `request`: (run, idempotency key) → the activity's only argument; `summary`: run → the text in the Web UI.
    """

    activity: Callable[..., Awaitable[A_co]]
    request: Callable[["Run[S]", str], Any]
    summary: Callable[["Run[S]"], str]
    policy: Policy = field(default_factory=Policy)


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
    the run back. `group` is set by Group.
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
    group: str = ""

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


class Group(Generic[S]):
    """Steps of a saga that run side by side, and are undone side by side."""

    def __init__(self, *steps: Step[S, Any]) -> None:
        name = " ".join(step.name for step in steps)
        self.steps = tuple(replace(step, group=name) for step in steps)


def one_by_one(steps: Iterable[Step[S, Any] | Group[S]]) -> list[Step[S, Any]]:
    """Return the steps of a declaration in order, those of a group one after another."""
    return [step for each in steps for step in (each.steps if isinstance(each, Group) else (each,))]


def side_by_side(steps: Iterable[Step[S, Any]]) -> Iterator[list[Step[S, Any]]]:
    """Yield the steps in order: each alone, or with the others of its group."""
    for group, together in groupby(steps, key=lambda step: step.group):
        if group:
            yield list(together)
        else:
            yield from ([step] for step in together)


class Saga(Generic[S]):
    """A declared saga: steps and groups in order, at most one pivot, only retriable steps after it.

    `close` is called after the last undo, to record the outcome; a reply with the fields `outcome` and `reason`
    overrides those of the run. `key` is the format of the idempotency keys. Raises ValueError for steps or a key with
    which a run could end with an open effect.
    """

    def __init__(self, *steps: Step[S, Any] | Group[S], close: Call[S, Any], key: str = "{process}:{step}") -> None:
        self.steps, self.close, self._key = tuple(one_by_one(steps)), close, key
        try:
            between = between_of(key)
        except ValueError as wrong:
            raise ValueError(f"saga key {key!r}: {wrong}") from None
        after_pivot = False
        for number, step in enumerate(self.steps):
            taken = {CLOSE, *(s.name for s in self.steps[:number])}
            problem = name_problem(step.name, taken, between) or step.problem(after_pivot=after_pivot)
            if not problem and step.group and step.kind is Kind.PIVOT:
                problem = "the pivot runs alone, and not in a group"
            if problem:
                raise ValueError(f"saga step {step.name!r}: {problem}")
            after_pivot |= step.kind is Kind.PIVOT

    @property
    def pivot(self) -> Step[S, Any] | None:
        """Return the saga's pivot step (the point of no return), or None."""
        return next((step for step in self.steps if step.kind is Kind.PIVOT), None)

    def key(self, process: str, step: str) -> str:
        """Return the idempotency key of a step of a process."""
        return self._key.format(process=process, step=step)
