"""The recovery of a lost order: under the id of the order, with the same queries and updates as the order itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import policies
from workflows.order import OrderWorkflow
from workflows.order_events import DECIDES, heard
from workflows.order_steps import ALERT, ORDER_SAGA
from workflows.saga import Call, Failure, FailureClass, Kind, Run, Step, classify

with workflow.unsafe.imports_passed_through():
    from activities.recovery import RecoveryActivities
    from models.activities.orders import Priced
    from models.names import RECOVERY_WORKFLOW
    from models.process import OrderResult, Status
    from models.recovery import FailedRecovery, LostOrder

LOOK = timedelta(seconds=10)


class LostRun(Run):
    """Finishes what a lost run left: forward when its pivot landed, else back through every undo, each by its key."""

    cause = ""
    settled: Mapping[str, str] = MappingProxyType({})

    async def execute(self) -> None:
        """Bring the run to its end; raise ActivityError when nobody can tell whether the pivot landed."""
        finishing = asyncio.create_task(self._finish())
        await self._see_through(finishing)
        finishing.result()
        for alert in self._alerts:
            await self._see_through(alert)
        self.ended = True
        self.changed()

    async def _finish(self) -> None:
        self.changed()
        pivot = next(step for step in self.saga.steps if step.kind is Kind.PIVOT)
        if await self._handed_over(pivot):
            self.pivoted, self.stopped = True, None
            for step in self.saga.steps[self.saga.steps.index(pivot) + 1 :]:
                await self._do(step)
            return
        self.failure = Failure("workflow", FailureClass.UNKNOWN, "Lost", self.cause, 0)
        self._armed = [step for step in self.saga.steps if step.undo and step.name not in self.settled]
        self.waived += [step for step, verb in self.settled.items() if verb == "waive"]
        self.unwinding = True
        self.changed()
        await self._go_back()

    async def _handed_over(self, pivot: Step) -> bool:
        """Ask whether the pivot landed; a final error says that its undo had begun, and then there is only back."""
        probe = _patient(pivot)
        try:
            request = probe.request(self, self.key(pivot.name))
            answer = await self._call(pivot.name, "probe", probe, request)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                return False
            raise
        if answer is not None:
            self.answers[pivot.name] = answer
        return answer is not None


def _patient(pivot: Step) -> Call:
    """The pivot's probe, tried as long as its undo would be: this answer decides all."""
    if pivot.probe is None or pivot.undo is None:
        raise ValueError(f"saga step {pivot.name!r}: a lost run can't tell whether it landed")
    return replace(pivot.probe, policy=pivot.undo.policy)


@workflow.defn(name=RECOVERY_WORKFLOW)
class RecoverOrderWorkflow(OrderWorkflow):
    """Bring an order whose workflow is gone to its end: complete what the carrier has, undo all else."""

    @workflow.init
    def __init__(self, lost: LostOrder) -> None:
        super().__init__(lost.order)
        self._run = LostRun(ORDER_SAGA, lost.order.order_id, lost.order, changed=self._changed, alert=ALERT)
        self._run.cause, self._run.settled = lost.cause, lost.settled
        # What the steps' requests are made of, as if this run had asked for it.
        self._run.answers["validate"] = Priced(total=lost.total)
        if lost.heard and DECIDES not in lost.settled:
            # Money that was said to have arrived is booked before all is undone, and so given back.
            self._events[lost.heard.event_id] = lost.heard
            self._run.events[DECIDES] = heard(lost.heard, self._run)

    @workflow.run
    async def run(self, lost: LostOrder) -> OrderResult:  # type: ignore[override]
        """Return or raise as the order would; fail as `RecoveryFailed`, with a dead letter, when nobody can tell."""
        closed = await _look(RecoveryActivities.read_outcome, lost.order, "is it still open?")
        if closed is not None:
            status = Status(closed.outcome)
            return OrderResult(order_id=lost.order.order_id, status=status, reason="it was closed meanwhile")
        try:
            return await super().run(lost.order)
        except ActivityError as error:
            failure = classify("recovery", error)
            cause = f"{failure.type}: {failure.message}"
        failed = FailedRecovery(order=lost.order, cause=cause, attempts=failure.attempt or policies.UNDO.attempts)
        await _look(RecoveryActivities.bury_recovery, failed, "leave it to a person")
        raise ApplicationError(cause, type="RecoveryFailed", non_retryable=True)


async def _look(method: Any, argument: Any, summary: str) -> Any:
    """Run one of the recovery's own activities, for as long as it takes."""
    return await workflow.execute_activity_method(method, argument, start_to_close_timeout=LOOK, summary=summary)
