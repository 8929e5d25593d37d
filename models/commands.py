"""What people may ask of a running order, by update: cancel it, or resolve what is parked."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.base import Message
from models.texts import check_texts, printable

# Below the time that a server gives one call.
OUTCOME_WAIT_AT_MOST = 20
REQUEST_AT_MOST = 64 * 1024
# They are kept with the order, in Temporal's history and in tables: one line each, and nothing that can't be stored.
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]
Actor = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
StepName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
PlanHash = Annotated[str, Field(max_length=64)]
Verb = Literal["retry", "skip", "edit", "waive", "unwind"]


class CancelOrder(Message):
    """Cancel the order and undo what was done; with `plan`, only while the undo plan still has that hash."""

    reason: Reason
    actor: Actor = "unknown"
    plan: PlanHash | None = None


class Resolve(Message):
    """A person's decision on a step that is parked."""

    step: StepName
    verb: Verb
    actor: Actor
    reason: Reason
    evidence: Reason | None = None
    request: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _a_request_fit_to_send(self) -> Self:
        if self.request is not None and self.verb != "edit":
            raise ValueError("request: goes with edit only")
        check_texts("request", self.request)
        if len(json.dumps(self.request)) > REQUEST_AT_MOST:
            raise ValueError(f"request: is over {REQUEST_AT_MOST // 1024} KB")
        return self


class OutcomeWait(Message):
    """How long a caller waits for the outcome, in seconds."""

    seconds: Annotated[float, Field(gt=0, le=OUTCOME_WAIT_AT_MOST)]


class CommandAccepted(Message):
    """The command was taken; the status is the order's right after it."""

    order_id: str
    status: str


class PlannedStep(Message):
    """One undo of the plan: its step, its key, the money at stake in minor units, and what can't be taken back."""

    step: str
    key: str
    summary: str
    at_risk: int
    irreversible: str


class UndoPlan(Message):
    """What a cancel would undo now, in order; `cancel_order` may carry the hash and is refused when it changed."""

    cancellable: bool
    steps: tuple[PlannedStep, ...]
    amount: int
    hash: str
