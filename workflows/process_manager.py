"""The base class of the order and slip workflows: undo plan, decisions on parked steps, and the end of a run.

After the pattern "Process Manager" in Hohpe and Woolf, Enterprise Integration Patterns.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError, is_cancelled_exception

from temporal_saga import ONCE, Call, Run
from workflows.apart import may_be_local
from workflows.commands import Budget, check_decision, decide, expect
from workflows.states import undo_plan_of
from workflows.visibility import VisibilityUpdater

with workflow.unsafe.imports_passed_through():
    from activities.cancellation import request_cancellation
    from models.attempts import ATTEMPT
    from models.base import Message
    from models.commands import CommandAccepted, Resolve, UndoPlan
    from models.slips.slip import SlipCommandAccepted

S = TypeVar("S")
Result = TypeVar("Result", bound=Message)


class ProcessManager(Generic[S]):
    """The base of a workflow class that runs a saga; the subclass sets `_run`."""

    _run: Run[S]

    def __init__(self) -> None:
        self._visibility = VisibilityUpdater(self._table)
        self._budget = Budget()
        self._started_at = self._updated_at = workflow.now()

    def _accepted(self) -> CommandAccepted | SlipCommandAccepted:
        """Return the reply to an accepted command."""
        raise NotImplementedError

    def _table(self) -> str:
        """Return the current details for the Web UI, as markdown."""
        raise NotImplementedError

    def _currency(self) -> str:
        """Return the currency of all amounts of the process."""
        raise NotImplementedError

    def _apart(self) -> tuple[str, ...] | None:
        """Return the services apart, as a reply in the history has them; None before that reply."""
        raise NotImplementedError

    def _may_be_local(self, made: Call[S, Any]) -> bool:
        return may_be_local(made, self._apart())

    @workflow.query(description="The undos that would run after a cancel now, in order, and the plan's hash")
    def undo_plan(self) -> UndoPlan:
        """Return the undo plan."""
        return undo_plan_of(self._run.plan(), cancellable=self._run.cancellable, currency=self._currency())

    @workflow.update(description="Decide what happens with a parked step: retry, skip, edit, waive or unwind")
    async def resolve(self, command: Resolve) -> Any:
        """Accept an operator's decision on a parked step."""
        self._budget.accept()
        decide(self._run, command)
        return self._accepted()

    @resolve.validator
    def _may_resolve(self, command: Resolve) -> None:
        expect(Resolve, command)
        check_decision(self._run, self._budget, command)

    async def _end(self, result: Callable[[], Result], failure_type: str) -> Result:
        """Return the result of a completed run; otherwise end the workflow as Failed or Canceled."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._run.status == "completed":
            return result()
        if self._run.status == "cancelled":
            await _end_as_cancelled(self._run.reason)
        raise ApplicationError(
            f"{self._run.status}: {self._run.reason}",
            result(),
            type=failure_type,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )

    def _changed(self) -> None:
        """Update the details in the Web UI and, when the run leaves the happy path, the search attributes."""
        self._updated_at = workflow.now()
        self._visibility.update(self._run)


async def _end_as_cancelled(reason: str) -> None:
    """End as Canceled: the server accepts that only after a cancel request, and an update is none."""
    while workflow.cancellation_reason() is None:
        try:
            await workflow.execute_local_activity(
                request_cancellation,
                start_to_close_timeout=ATTEMPT,
                # Retries of a local activity stay on this worker, and would keep it from draining.
                retry_policy=ONCE,
                summary="have Temporal cancel it",
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
        await asyncio.sleep(1)
    raise asyncio.CancelledError(reason)
