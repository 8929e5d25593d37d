"""The classification of failed calls: refused, transient or unknown. No other module decides this."""

from dataclasses import dataclass
from enum import StrEnum

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout

# What data can raise while a request, a summary or a time is made of them; pydantic's ValidationError is a ValueError.
# Such an exception is a failure of the step. Any other is a bug, and stops the workflow task until the code is fixed.
# FailureError and TimeoutError would close the workflow, and leave its effects open.
DATA_ERRORS = (ValueError, ArithmeticError, FailureError, TimeoutError)
LONGEST_TEXT = 500
NO_WORKER = "NoWorker"
# The words of the SDKs' workers for an activity that they have not registered, by error type.
_NOT_REGISTERED = {"NotFoundError": "is not registered on this worker", "ActivityNotRegisteredError": ""}


class FailureClass(StrEnum):
    """What a failure means for the effect.

    REFUSED: it did not happen and never will. TRANSIENT: the attempts are used up. UNKNOWN: it may have happened.
    The saga undoes a step that failed as TRANSIENT or UNKNOWN, and never one that was REFUSED.
    """

    REFUSED = "refused"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Failure:
    """The failure of a step: its class, the error's type and message, and its `attempt` (0 when unknown)."""

    step: str
    kind: FailureClass
    type: str
    message: str
    attempt: int

    @property
    def text(self) -> str:
        """Return the failure as `type: message`."""
        return f"{self.type}: {self.message}"


def of_data(error: Exception, *, begun: bool = True) -> FailureError:
    """Return the failure of a call whose data raised one of DATA_ERRORS: refused, unless the call may have `begun`.

    A FailureError is returned as it is.
    """
    if isinstance(error, FailureError):
        return error
    category = ApplicationErrorCategory.UNSPECIFIED if begun else ApplicationErrorCategory.BENIGN
    text = " ".join(str(error).split())[:LONGEST_TEXT]
    return ApplicationError(text, type=type(error).__name__, non_retryable=True, category=category)


def never_began(failure: Failure, not_begun: frozenset[str]) -> bool:
    """Return whether the last attempt began nothing of its request; `not_begun` are error types that say so."""
    if failure.type in not_begun or failure.type == NO_WORKER:
        return True
    words = _NOT_REGISTERED.get(failure.type)
    return words is not None and words in failure.message


class StepFailed(Exception):
    """A step failed permanently: the run goes back."""


def classify(step: str, error: BaseException) -> Failure:
    """Return the failure that an activity's error means for the step, from the error or its cause; never raise."""
    # The SDK wraps the failure of a regular activity, but not that of a local one.
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    if isinstance(cause, ApplicationError):
        benign = cause.non_retryable and cause.category is ApplicationErrorCategory.BENIGN
        kind = FailureClass.REFUSED if benign else FailureClass.TRANSIENT
        attempt = cause.details[0] if cause.details and isinstance(cause.details[0], int) else 1
        return Failure(step, kind, cause.type or "ApplicationError", cause.message, attempt)
    if isinstance(cause, ActivityTimeout) and cause.type is TimeoutType.SCHEDULE_TO_START:
        return Failure(step, FailureClass.TRANSIENT, NO_WORKER, "no worker took it in time", 0)
    if isinstance(cause, ActivityTimeout):
        return Failure(step, FailureClass.UNKNOWN, "Timeout", "no answer in time: it may have happened", 0)
    if is_cancelled_exception(error):
        return Failure(step, FailureClass.UNKNOWN, "Cancelled", "cancelled on its way: it may have happened", 0)
    return Failure(step, FailureClass.TRANSIENT, type(cause).__name__, str(cause), 0)
