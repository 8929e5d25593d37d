"""The updates and the query answers of running orders: cancel, resolve, wait for the outcome, undo plan."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.base import Message
from models.texts import check_size, check_texts, printable

# In seconds; below the server's timeout of one call.
OUTCOME_WAIT_AT_MOST = 20
REQUEST_AT_MOST = 16 * 1024
# These texts are stored in Temporal's history and in the database: one line each, without control characters.
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]
Actor = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
StepName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
PlanHash = Annotated[str, Field(max_length=64)]
Verb = Literal["retry", "skip", "edit", "waive", "unwind"]


class CancelOrder(Message):
    """Cancel the order and undo its steps; with `plan`, refused unless the undo plan has that hash."""

    reason: Reason
    actor: Actor = "unknown"
    plan: PlanHash | None = None


class Resolve(Message):
    """An operator's decision on a parked step.

    `evidence` is required by `skip`; `request` has the fields that `edit` replaces in the request of the step.
    """

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
        check_size("request", self.request, REQUEST_AT_MOST)
        check_texts("request", self.request)
        return self


class OutcomeWait(Message):
    """The time in seconds that a caller waits for the outcome."""

    seconds: Annotated[float, Field(gt=0, le=OUTCOME_WAIT_AT_MOST)]


class CommandAccepted(Message):
    """The reply to an accepted command; `status` is that of the order right after it."""

    order_id: str
    status: str


class PlannedStep(Message):
    """One undo of the plan: its step, its key, the amount at risk in minor units, and what it can't restore."""

    step: str
    key: str
    summary: str
    at_risk: int
    irreversible: str


class UndoPlan(Message):
    """The undos of a cancel at this moment, in order; a cancel with this `hash` is refused once the plan has changed.

    `amount` is the total at risk, in minor units of `currency`.
    """

    cancellable: bool
    steps: tuple[PlannedStep, ...]
    amount: int
    hash: str
    currency: str = ""
