"""What a failed call says of its effect: the one place that decides between refused, transient and unknown."""

from dataclasses import dataclass
from enum import StrEnum

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout


class FailureClass(StrEnum):
    """What a failure says of the effect: it never happened, was given up, may have happened."""

    REFUSED = "refused"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Failure:
    """Why a step did not succeed, and what that says of its effect; `attempt` is 0 where it is not known."""

    step: str
    kind: FailureClass
    type: str
    message: str
    attempt: int

    @property
    def text(self) -> str:
        """The failure in one line: its type and its message."""
        return f"{self.type}: {self.message}"


class StepFailed(Exception):
    """A step failed for good: the run goes back."""


def classify(step: str, error: BaseException) -> Failure:
    """Return what an activity's error says of the step's effect."""
    # A regular activity's failure comes wrapped, a local one's bare.
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    if isinstance(cause, ApplicationError):
        benign = cause.non_retryable and cause.category is ApplicationErrorCategory.BENIGN
        kind = FailureClass.REFUSED if benign else FailureClass.TRANSIENT
        attempt = cause.details[0] if cause.details and isinstance(cause.details[0], int) else 1
        return Failure(step, kind, cause.type or "ApplicationError", cause.message, attempt)
    if isinstance(cause, ActivityTimeout) and cause.type is TimeoutType.SCHEDULE_TO_START:
        return Failure(step, FailureClass.TRANSIENT, "NoWorker", "no worker took it in time", 0)
    if isinstance(cause, ActivityTimeout):
        return Failure(step, FailureClass.UNKNOWN, "Timeout", "no answer in time: it may have happened", 0)
    if is_cancelled_exception(error):
        return Failure(step, FailureClass.UNKNOWN, "Cancelled", "cancelled on its way: it may have happened", 0)
    return Failure(step, FailureClass.TRANSIENT, type(cause).__name__, str(cause), 0)
