"""What people's commands have in common, whichever process they are for: refusing, obeying, ending as cancelled."""

import asyncio
import json
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError, is_cancelled_exception

from workflows import policies
from workflows.order_steps import why
from workflows.saga import ONCE, Run

with workflow.unsafe.imports_passed_through():
    from activities.cancellation import request_cancellation
    from models.base import Message
    from models.commands import Resolve
    from models.names import AT_RISK_ATTRIBUTE, STATUS_ATTRIBUTE

STATUS = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)
AT_RISK = SearchAttributeKey.for_int(AT_RISK_ATTRIBUTE)


def refusal(kind: str, message: str) -> ApplicationError:
    """Return the answer to a command that can't be taken now."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


def expect(kind: type[Message], said: object) -> None:
    """Raise the refusal of what isn't a command at all: null, bytes, a message of another kind."""
    if not isinstance(said, kind):
        raise refusal("InvalidInput", f"must be one JSON object with {', '.join(kind.model_fields)}")


def check_cancel(run: Run, plan: str | None, too_late: str) -> None:
    """Raise the refusal of a cancel that can't be taken now; `too_late` says why there is no way back any more."""
    if run.pivoted or (run.ended and not run.unwinding):
        raise refusal("TooLate", too_late)
    if run.unwinding and not (run.stopped and run.stopped.why == "cancelled"):
        raise refusal("TooLate", f"it is being undone already: {why(run)}")
    if plan is not None and plan != run.plan()[1]:
        raise refusal("StalePlan", "the undo plan has changed since; look at it again")


async def cancel(run: Run, reason: str, too_late: str) -> None:
    """Turn a run back, and return once it goes back; raise the refusal when it went past its pivot meanwhile."""
    run.stop("cancelled", reason)
    await workflow.wait_condition(lambda: run.unwinding or run.pivoted)
    if not run.unwinding:
        raise refusal("TooLate", too_late)
    if run.outcome != "cancelled":
        raise refusal("TooLate", f"it is being undone already: {why(run)}")


def check_decision(run: Run, command: Resolve) -> None:
    """Raise the refusal of a decision that can't be taken now."""
    objection = run.objection(
        command.step, command.verb, evidence=bool(command.evidence), request=bool(command.request)
    )
    if objection:
        raise refusal("NotResolvable", objection)
    edited(run, command)


def decide(run: Run, command: Resolve) -> None:
    """Take a person's decision on a parked step, with who and why for the history."""
    audit = command.model_dump(mode="json", include={"actor", "reason", "evidence", "request"}, exclude_none=True)
    run.resolve(command.step, command.verb, audit, edited(run, command))


def edited(run: Run, command: Resolve) -> object:
    """Return the request as the person wants it; its key stays, or it would be another effect."""
    if command.verb != "edit" or not command.request:
        return None
    request = run.parked[command.step].request
    if {"key", "order_id"} & set(command.request):
        raise refusal("NotResolvable", "request: key and order_id can't be edited")
    for name in command.request:  # of the effects that are settled, and of the slip that is closed
        if name.endswith(("_key", "_keys")) or name in {"slip_id", "body_hash"}:
            raise refusal("NotResolvable", f"request.{name}: can't be edited; it would be another effect")
    try:
        return type(request).model_validate_json(json.dumps(request.model_dump(mode="json") | command.request))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise refusal("NotResolvable", f"request.{field}: {problem['msg']}") from None


class Shown:
    """What the Web UI and the visibility store were told of a run."""

    def __init__(self) -> None:
        self._status, self._at_risk = "", 0

    def show(self, run: Run, table: str) -> None:
        """Show the table at every step, the search attributes off the happy path only."""
        workflow.set_current_details(table)
        status, at_risk = run.status, run.at_risk
        if (status, at_risk) == (self._status, self._at_risk):
            return
        if status in {"running", "completed"} and not self._status:
            return
        updates: list[SearchAttributeUpdate[Any]] = [STATUS.value_set(status)]
        if at_risk != self._at_risk:
            updates.append(AT_RISK.value_set(at_risk))
        self._status, self._at_risk = status, at_risk
        workflow.upsert_search_attributes(updates)


async def end_as_cancelled(run: Run) -> None:
    """End as Canceled: only a workflow that the server knows as cancelled may, and an update leaves it unaware."""
    while workflow.cancellation_reason() is None:
        try:
            await workflow.execute_local_activity(
                request_cancellation,
                start_to_close_timeout=policies.ATTEMPT,
                # A local activity that is tried again stays where it is, and keeps a worker that drains from leaving.
                retry_policy=ONCE,
                summary="tell Temporal that it was cancelled",
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
        await asyncio.sleep(1)
    raise asyncio.CancelledError(why(run))
