"""Recovery of a lost run: the steps after the pivot if the pivot was done, else every undo, by idempotency key."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga.backward import compensate
from temporal_saga.calls import call
from temporal_saga.declaration import Call, Kind, Step
from temporal_saga.failures import Failure, FailureClass, StepFailed
from temporal_saga.forward import go_on, turn_forward
from temporal_saga.run import Run
from temporal_saga.stopping import finish

S = TypeVar("S")
T = TypeVar("T")
A = TypeVar("A")


class RecoveredRun(Run[S]):
    """A run that replaces a lost one, whose history is not available.

    Set the fields before `execute`: `cause` is why the run was lost; `resolved`: step name → `skip` or `waive`, for the
    steps that operators resolved in the lost run. `passed` is whether the lost run passed its pivot; None asks the
    pivot's probe, which the saga then needs.
    """

    cause = ""
    resolved: Mapping[str, str] = MappingProxyType({})
    passed: bool | None = None

    async def read(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what `work` reads of the lost run, before `execute`; a cancel does not interrupt it."""
        return await finish(self, work)

    async def ask(self, participant: str, question: Call[S, A]) -> A:
        """Return what a participant answers about the lost run, before `execute`; raise FailureError."""
        return await call(self, participant, "probe", question)

    async def execute(self) -> None:
        """Complete or compensate the run; raise ActivityError when the pivot's probe fails.

        Raises ValueError for a saga without a pivot, or, unless `passed` is known, a pivot without a probe.
        """
        await finish(self, self._execute)
        await self.end()

    async def _execute(self) -> None:
        if self.unwinding:  # again, because the compensation was itself cancelled
            return await self._back()
        self.changed()
        pivot = self.saga.pivot
        if pivot is None:
            raise ValueError("the saga has no pivot: recovery can't decide between forward and back")
        passed = await self._pivot_landed(pivot) if self.passed is None else self.passed
        if passed:
            return await self._on()
        self.failure = Failure("workflow", FailureClass.UNKNOWN, "Lost", self.cause, 0)
        return await self._turn_back()

    async def _turn_back(self) -> None:
        self.pending_undos = [step for step in self.saga.steps if step.undo and step.name not in self.resolved]
        self.waived += [step for step, verb in self.resolved.items() if verb == "waive"]
        self.unwinding = True
        self.changed()
        await self._back()

    async def _back(self) -> None:
        if not await compensate(self):
            await self._on()

    async def _on(self) -> None:
        """Do the steps after the pivot; go back when an attempt of the lost run has undone the pivot meanwhile."""
        steps = self.saga.steps
        pivot = next(number for number, step in enumerate(steps) if step.kind is Kind.PIVOT)
        turn_forward(self, list(steps[pivot + 1 :]))
        try:
            await go_on(self)
        except StepFailed:
            await self._turn_back()

    async def _pivot_landed(self, pivot: Step[S, Any]) -> bool:
        """Return whether the pivot was done; a non-retryable error means that its undo has begun, so it was not."""
        probe = _probe_of(pivot)
        try:
            answer = await call(self, pivot.name, "probe", probe)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                return False
            raise
        if answer is not None:
            self.answers[pivot.name] = answer
        return answer is not None


def _probe_of(pivot: Step[S, Any]) -> Call[S, Any]:
    """Return the pivot's probe with the policy of its undo: the whole recovery depends on this answer."""
    if pivot.probe is None or pivot.undo is None:
        raise ValueError(f"saga step {pivot.name!r}: recovery needs its probe and its undo")
    return replace(pivot.probe, policy=pivot.undo.policy)
