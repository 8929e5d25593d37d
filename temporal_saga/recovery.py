"""Finishing what a lost run left: forward when its pivot landed, else back through every undo, each by its key."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from temporalio.exceptions import ActivityError, ApplicationError

from temporal_saga.backward import compensate
from temporal_saga.calls import call
from temporal_saga.declaration import Call, Step
from temporal_saga.failures import Failure, FailureClass
from temporal_saga.forward import do
from temporal_saga.run import Run

S = TypeVar("S")


class RecoveredRun(Run[S]):
    """A run in the place of one that was lost: `cause` says how, resolved which steps people settled by hand."""

    cause = ""
    resolved: Mapping[str, str] = MappingProxyType({})

    async def execute(self) -> None:
        """Bring the run to its end; raise ActivityError when it can't be found out whether the pivot landed."""
        await self.finish(asyncio.create_task(self._execute()))
        await self.end()

    async def _execute(self) -> None:
        self.changed()
        pivot = self.saga.pivot
        if pivot is None:
            raise ValueError("a saga without a pivot: a lost run can't be told from one that had to go on")
        if await self._pivot_landed(pivot):
            self.pivoted, self.stopped = True, None
            for step in self.saga.steps[self.saga.steps.index(pivot) + 1 :]:
                await do(self, step)
            return
        self.failure = Failure("workflow", FailureClass.UNKNOWN, "Lost", self.cause, 0)
        self.pending_undos = [step for step in self.saga.steps if step.undo and step.name not in self.resolved]
        self.waived += [step for step, verb in self.resolved.items() if verb == "waive"]
        self.unwinding = True
        self.changed()
        await compensate(self)

    async def _pivot_landed(self, pivot: Step[S, Any]) -> bool:
        """Ask whether the pivot landed; a final error says that its undo had begun, and then there is only back."""
        probe = _patient(pivot)
        try:
            request = probe.request(self, self.key(pivot.name))
            answer = await call(self, pivot.name, "probe", probe, request)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                return False
            raise
        if answer is not None:
            self.answers[pivot.name] = answer
        return answer is not None


def _patient(pivot: Step[S, Any]) -> Call[S, Any]:
    """The pivot's probe, tried as long as its undo would be: this answer decides all."""
    if pivot.probe is None or pivot.undo is None:
        raise ValueError(f"saga step {pivot.name!r}: a lost run can't tell whether it landed")
    return replace(pivot.probe, policy=pivot.undo.policy)
