"""Operators' commands, the same for orders and slips: validation, cancel, and decisions on parked steps."""

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
    """Return the error that refuses a command, with `kind` as its failure type."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


def expect(kind: type[Message], command: object) -> None:
    """Raise a refusal unless the command is of this kind: the SDK may decode null, bytes or another message."""
    if not isinstance(command, kind):
        raise refusal("InvalidInput", f"must be one JSON object with {', '.join(kind.model_fields)}")


def check_cancel(run: Run[Any], plan: str | None, too_late: str) -> None:
    """Raise a refusal when a run can't be cancelled now, with the message `too_late` after its pivot.

    `plan` is the hash of the undo plan that the operator has seen, None to cancel with any plan.
    """
    if run.pivoted or (run.ended and not run.unwinding):
        raise refusal("TooLate", too_late)
    if run.unwinding and not (run.stopped and run.stopped.kind == "cancelled"):
        raise refusal("TooLate", f"compensation has already started: {run.reason}")
    if plan is not None and plan != run.plan().hash:
        raise refusal("StalePlan", "the undo plan has changed; read it again")


async def cancel(run: Run[Any], reason: str, too_late: str) -> None:
    """Turn a run back, and return once its compensation starts; raise a refusal if it passes its pivot first."""
    run.stop("cancelled", reason)
    await workflow.wait_condition(lambda: run.unwinding or run.pivoted)
    if not run.unwinding:
        raise refusal("TooLate", too_late)
    if run.outcome != "cancelled":
        raise refusal("TooLate", f"compensation has already started: {run.reason}")


def check_decision(run: Run[Any], command: Resolve) -> None:
    """Raise a refusal when a decision on a parked step can't be accepted now."""
    objection = run.decision_objection(
        command.step, command.verb, evidence=bool(command.evidence), request=bool(command.request)
    )
    if objection:
        raise refusal("NotResolvable", objection)
    _edited(run, command)


def decide(run: Run[Any], command: Resolve) -> None:
    """Accept an operator's decision on a parked step; the history records its actor and its reason."""
    audit = command.model_dump(mode="json", include={"actor", "reason", "evidence", "request"}, exclude_none=True)
    run.resolve(command.step, command.verb, audit, _edited(run, command))


def _edited(run: Run[Any], command: Resolve) -> object:
    """Return the edited request; its keys and ids can't be edited, because they identify the effect."""
    if command.verb != "edit" or not command.request:
        return None
    request = run.parked[command.step].request
    if {"key", "order_id"} & set(command.request):
        raise refusal("NotResolvable", "request: key and order_id can't be edited")
    for name in command.request:  # the identity of a closed order or slip, and the stops that it settles
        if name in {"body_hash", "stops"}:
            raise refusal("NotResolvable", f"request.{name}: can't be edited, because it identifies the effect")
    try:
        return type(request).model_validate_json(json.dumps(request.model_dump(mode="json") | command.request))
    except ValidationError as error:
        field, problem = first_problem(error)
        raise refusal("NotResolvable", f"request.{field}: {problem}") from None
