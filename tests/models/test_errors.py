"""The mapping of error classes to failures of activities and to the saga's failure classes."""

import inspect
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from activities.interceptor import as_failure
from models import errors
from models.errors import AlreadyUndone, CardDeclined, Conflict, InvalidInput, OrderError, Refused, Unavailable
from temporal_saga import FailureClass, classify

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, OrderError)]


def test_the_docstring_names_every_error_class() -> None:
    for cls in CLASSES:
        assert cls.__name__ in (errors.__doc__ or "")


def test_every_refusal_can_be_read_back_from_its_receipt() -> None:
    assert {cls.__name__ for cls in CLASSES if issubclass(cls, Refused) and cls is not Refused} == set(errors.BY_NAME)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CardDeclined("no"), FailureClass.REFUSED),
        (Unavailable("later"), FailureClass.TRANSIENT),
        (AlreadyUndone("too late"), FailureClass.TRANSIENT),
        (Conflict("other body"), FailureClass.TRANSIENT),
        (InvalidInput("key", "is empty"), FailureClass.TRANSIENT),
    ],
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
def test_only_a_refusal_is_classified_as_refused(error: OrderError, kind: FailureClass) -> None:
    failure = classify("charge", as_failure(error, 3))

    assert (failure.kind, failure.type, failure.attempt) == (kind, type(error).__name__, 3)


def test_only_unavailable_is_retried() -> None:
    assert not as_failure(Unavailable("later"), 1).non_retryable
    assert all(as_failure(error("no"), 1).non_retryable for error in (CardDeclined, AlreadyUndone, Conflict))


def test_a_refusal_is_a_benign_failure() -> None:
    assert as_failure(CardDeclined("no"), 1).category is ApplicationErrorCategory.BENIGN
    assert as_failure(AlreadyUndone("no"), 1).category is ApplicationErrorCategory.UNSPECIFIED


def test_retry_after_becomes_the_next_retry_delay() -> None:
    assert as_failure(Unavailable("busy", retry_after=7), 1).next_retry_delay == timedelta(seconds=7)
    assert as_failure(Unavailable("busy"), 1).next_retry_delay is None
