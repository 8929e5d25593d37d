"""What people's commands have in common, whichever process they are for: refusing them, and obeying."""

import json
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from temporal_saga import Run

with workflow.unsafe.imports_passed_through():
    from models.base import Message
    from models.commands import Resolve
    from models.problems import first_problem


def refusal(kind: str, message: str) -> ApplicationError:
    """Return the answer to a command that can't be taken now."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


def expect(kind: type[Message], said: object) -> None:
    """Raise the refusal of what isn't a command at all: null, bytes, a message of another kind."""
    if not isinstance(said, kind):
        raise refusal("InvalidInput", f"must be one JSON object with {', '.join(kind.model_fields)}")


def check_cancel(run: Run[Any], plan: str | None, too_late: str) -> None:
    """Raise the refusal of a cancel that can't be taken now; `too_late` says why there is no way back any more."""
    if run.pivoted or (run.ended and not run.unwinding):
        raise refusal("TooLate", too_late)
    if run.unwinding and not (run.stopped and run.stopped.kind == "cancelled"):
        raise refusal("TooLate", f"it is being undone already: {run.reason}")
    if plan is not None and plan != run.plan().hash:
        raise refusal("StalePlan", "the undo plan has changed since; look at it again")


async def cancel(run: Run[Any], reason: str, too_late: str) -> None:
    """Turn a run back, and return once it goes back; raise the refusal when it went past its pivot meanwhile."""
    run.stop("cancelled", reason)
    await workflow.wait_condition(lambda: run.unwinding or run.pivoted)
    if not run.unwinding:
        raise refusal("TooLate", too_late)
    if run.outcome != "cancelled":
        raise refusal("TooLate", f"it is being undone already: {run.reason}")


def check_decision(run: Run[Any], command: Resolve) -> None:
    """Raise the refusal of a decision that can't be taken now."""
    objection = run.decision_objection(
        command.step, command.verb, evidence=bool(command.evidence), request=bool(command.request)
    )
    if objection:
        raise refusal("NotResolvable", objection)
    _edited(run, command)


def decide(run: Run[Any], command: Resolve) -> None:
    """Take a person's decision on a parked step, with who and why for the history."""
    audit = command.model_dump(mode="json", include={"actor", "reason", "evidence", "request"}, exclude_none=True)
    run.resolve(command.step, command.verb, audit, _edited(run, command))


def _edited(run: Run[Any], command: Resolve) -> object:
    """The request as the person wants it; its key stays, or it would be another effect."""
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
        field, problem = first_problem(error)
        raise refusal("NotResolvable", f"request.{field}: {problem}") from None
