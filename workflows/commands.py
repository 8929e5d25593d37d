"""Operators' commands, the same for orders and slips: validation, cancel, and decisions on parked steps."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from temporal_saga import Run

# Below Temporal's limits of a run, 2,000 updates in all and 10 in progress.
OTHERS_AT_MOST, NEEDED_AT_MOST, WAITING_AT_MOST = 1000, 1900, 4

with workflow.unsafe.imports_passed_through():
    from models.base import Message
    from models.commands import Resolve
    from models.problems import sentences


def refusal(kind: str, message: str) -> ApplicationError:
    """Return the error that refuses a command, with `kind` as its failure type."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


def expect(kind: type[Message], command: object) -> None:
    """Raise a refusal unless the command is of this kind: the SDK may decode null, bytes or another message."""
    if not isinstance(command, kind):
        raise refusal("InvalidInput", f"must be one JSON object with {', '.join(kind.model_fields)}")


class Budget:
    """The commands that a run has accepted: Temporal takes 2,000 updates a run, and has at most 10 in progress at once.

    A command that a process can go on without, such as a repeated event or a revision, is refused long before either
    limit is met. So a first cancel, and a decision on a parked step, get through.
    """

    def __init__(self) -> None:
        self._accepted = 0
        self._waiting = Counter[str]()

    def check(self, command: str, *, needed: bool = False) -> None:
        """Raise a refusal when a command can't be accepted now; `needed`: the process can't go on without it."""
        if self._waiting[command] >= WAITING_AT_MOST:
            text = f"{self._waiting[command]} such commands are in progress already; send it again later"
            raise refusal("TooManyUpdates", text)
        if self._accepted >= (NEEDED_AT_MOST if needed else OTHERS_AT_MOST):
            left = "a first cancel" if needed else "a first cancel or a decision on a parked step"
            raise refusal("TooManyUpdates", f"{self._accepted} commands were accepted already; now only {left} is")

    def accept(self) -> None:
        """Count an accepted command."""
        self._accepted += 1

    @contextmanager
    def waiting(self, command: str) -> Iterator[None]:
        """Count an accepted command, also as one in progress while its handler waits."""
        self.accept()
        self._waiting[command] += 1
        try:
            yield
        finally:
            self._waiting[command] -= 1


def check_cancel(run: Run[Any], budget: Budget, plan: str | None, too_late: str) -> None:
    """Raise a refusal when a run can't be cancelled now, with the message `too_late` after its pivot.

    `plan` is the hash of the undo plan that the operator has seen, None to cancel with any plan.
    """
    if run.pivoted or (run.ended and not run.unwinding):
        raise refusal("TooLate", too_late)
    if run.unwinding and not (run.stopped and run.stopped.kind == "cancelled"):
        raise refusal("TooLate", f"compensation has already started: {run.reason}")
    if plan is not None and plan != run.plan().hash:
        raise refusal("StalePlan", "the undo plan has changed; read it again")
    if run.stopped:
        budget.check("cancel")


async def cancel(run: Run[Any], budget: Budget, reason: str, too_late: str) -> None:
    """Turn a run back, and return once its compensation starts; raise a refusal if it passes its pivot first.

    An answer to the first undo, or an operator who is needed for it, counts as the start of an express run's.
    """
    run.stop("cancelled", reason)
    with budget.waiting("cancel"):
        await workflow.wait_condition(lambda: run.unwinding or run.pivoted)
        if run.express and workflow.patched("cancel-waits-for-the-last-effect"):
            # A lost workflow task may have made it final: then the run goes forward after all.
            await workflow.wait_condition(lambda: run.pivoted or run.returning or bool(run.parked))
    if not run.unwinding:
        raise refusal("TooLate", too_late)
    if run.outcome != "cancelled":
        raise refusal("TooLate", f"compensation has already started: {run.reason}")


def check_decision(run: Run[Any], budget: Budget, command: Resolve) -> None:
    """Raise a refusal when a decision on a parked step can't be accepted now."""
    objection = run.decision_objection(
        command.step, command.verb, evidence=bool(command.evidence), request=bool(command.request)
    )
    if objection:
        raise refusal("NotResolvable", objection)
    _edited(run, command)
    budget.check("resolve", needed=True)


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
        raise refusal("NotResolvable", sentences(error, type(request), "request")) from None
