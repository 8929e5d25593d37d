"""What every process has in common, an order or a slip: its plan, decisions on parked steps, and how it ends."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError, is_cancelled_exception

from temporal_saga import ONCE, Run
from workflows.commands import check_decision, decide, expect
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
    """The part of a workflow that runs a saga; a workflow class builds on it and sets `_run`."""

    _run: Run[S]

    def __init__(self) -> None:
        self._visibility = VisibilityUpdater()
        self._started_at = self._updated_at = workflow.now()

    def _accepted(self) -> CommandAccepted | SlipCommandAccepted:
        """What a command that was taken is answered."""
        raise NotImplementedError

    def _table(self) -> str:
        """What the Web UI shows as current details."""
        raise NotImplementedError

    @workflow.query(description="Which undos would run if it were cancelled now, in order, and the plan's hash")
    def undo_plan(self) -> UndoPlan:
        """Return the undo preview."""
        return undo_plan_of(self._run.plan(), cancellable=self._run.cancellable)

    @workflow.update(description="Decide what happens with a parked step: retry, skip, edit, waive or unwind")
    async def resolve(self, command: Resolve) -> Any:
        """Take a person's decision on a parked step."""
        decide(self._run, command)
        return self._accepted()

    @resolve.validator
    def _may_resolve(self, command: Resolve) -> None:
        expect(Resolve, command)
        check_decision(self._run, command)

    async def _end(self, result: Callable[[], Result], failure_type: str) -> Result:
        """Return the result of a run that went forward to its end; end Failed or Canceled otherwise."""
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
        """Show what happened: the table in the Web UI at every step, the search attributes off the happy path only."""
        self._updated_at = workflow.now()
        self._visibility.update(self._run, self._table())


async def _end_as_cancelled(reason: str) -> None:
    """End as Canceled: only a workflow that the server knows as cancelled may, and an update leaves it unaware."""
    while workflow.cancellation_reason() is None:
        try:
            await workflow.execute_local_activity(
                request_cancellation,
                start_to_close_timeout=ATTEMPT,
                # A local activity that is tried again stays where it is, and keeps a worker that drains from leaving.
                retry_policy=ONCE,
                summary="have Temporal cancel it",
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
        await asyncio.sleep(1)
    raise asyncio.CancelledError(reason)
