"""A saga that could not keep its guarantees is refused when it is declared, with the reason."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    RetryState,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout

from temporal_saga import Call, FailureClass, Kind, Policy, Saga, Step, Wait, classify
from workflows.order.saga import ORDER_SAGA


def call(attempts: int = 4) -> Call[Any, Any]:
    return Call(asyncio.sleep, lambda *_: None, lambda _: "", Policy(attempts=attempts))


def step(name: str, **changes: Any) -> Step[Any, Any]:
    return dataclasses.replace(Step(name, do=call(), undo=call(8)), **changes)


WAIT = Wait(pending=bool, summary="", within=lambda _: timedelta(days=1), settle=call())
PIVOT = step("go", kind=Kind.PIVOT)

REFUSED: dict[str, Callable[[], Saga[Any]]] = {
    "a compensatable step can't come after the pivot": lambda: Saga(PIVOT, step("b"), close=call()),
    "a pivot step can't come after the pivot": lambda: Saga(PIVOT, step("b", kind=Kind.PIVOT), close=call()),
    "a retriable step can't come before the pivot": lambda: Saga(
        step("a", kind=Kind.RETRIABLE, undo=None), PIVOT, close=call()
    ),
    "it has an effect but no undo": lambda: Saga(step("a", undo=None), close=call()),
    "its undo must have more attempts than its do": lambda: Saga(step("a", undo=call(4)), close=call()),
    "a step that waits for an event must have an undo": lambda: Saga(step("a", undo=None, wait=WAIT), close=call()),
    "and come before the pivot": lambda: Saga(step("a", kind=Kind.PIVOT, wait=WAIT), close=call()),
    "it has an undo but no effect": lambda: Saga(step("a", has_effect=False), close=call()),
    "its name is used twice": lambda: Saga(step("a"), step("a"), close=call()),
    "a step after the pivot is never undone": lambda: Saga(PIVOT, step("b", kind=Kind.RETRIABLE), close=call()),
    "the same in every run": lambda: Saga(step("a"), close=call(), key="{run}:{step}"),
    "must have a character between": lambda: Saga(step("a"), close=call(), key="{process}{step}"),
    "once each": lambda: Saga(step("a"), close=call(), key="{process}:{process}{step}"),
    "its name can't have a character of ':'": lambda: Saga(step("a:b"), close=call()),
    "its name is empty": lambda: Saga(step(""), close=call()),
    "close is the name of the saga's last call": lambda: Saga(step("close"), close=call()),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_saga_that_can_not_keep_its_guarantees_is_refused(why: str) -> None:
    with pytest.raises(ValueError, match=why):
        REFUSED[why]()


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"attempts": -1}, "attempts"),
        ({"attempts": 2**31}, "attempts"),
        ({"timeout": timedelta(0)}, "timeout"),
        ({"timeout": timedelta.max}, "timeout"),
        ({"heartbeat": timedelta(seconds=-1)}, "heartbeat"),
        ({"longest_delay": timedelta(0)}, "longest_delay"),
        ({"express": timedelta(0)}, "express"),
    ],
)
def test_impossible_limits_of_a_call_are_refused(limits: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be"):
        Policy(**limits)


@pytest.mark.parametrize(("do", "undo"), [(0, 8), (8, 8), (9, 8)])
def test_an_undo_with_fewer_attempts_than_its_do_is_refused(do: int, undo: int) -> None:
    with pytest.raises(ValueError, match="must have more attempts"):
        Saga(step("a", do=call(do), undo=call(undo)), close=call())


def test_no_two_processes_share_a_key() -> None:
    saga = Saga(step("a"), step("b"), close=call())
    keys = {saga.key(process, name) for process in ("x", "x:", "x:a", ":") for name in ("a", "b", "close")}

    assert len(keys) == 12


def test_an_undo_with_unlimited_attempts_is_accepted() -> None:
    assert Saga(step("a", undo=call(0)), close=call()).steps


def test_the_order_saga_has_its_steps_in_order() -> None:
    assert [(s.name, s.kind) for s in ORDER_SAGA.steps] == [
        ("validate", "compensatable"),
        ("reserve", "compensatable"),
        ("charge", "compensatable"),
        ("ship", "pivot"),
        ("settle_shipment", "retriable"),
        ("settle_payment", "retriable"),
        ("settle_stock", "retriable"),
        ("complete", "retriable"),
    ]
    assert {s.name for s in ORDER_SAGA.steps if s.group} == {"settle_payment", "settle_stock"}


def failed(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "", scheduled_event_id=1, started_event_id=2, identity="", activity_type="", activity_id="",
        retry_state=RetryState.MAXIMUM_ATTEMPTS_REACHED,
    )  # fmt: skip
    error.__cause__ = cause
    return error


def timed_out(kind: TimeoutType) -> ActivityTimeout:
    return ActivityTimeout("", type=kind, last_heartbeat_details=[])


BENIGN = ApplicationErrorCategory.BENIGN
CLASSES = [
    (ApplicationError("no", 1, non_retryable=True, category=BENIGN), FailureClass.REFUSED),
    (ApplicationError("no", 1, non_retryable=True), FailureClass.TRANSIENT),
    (ApplicationError("later", 4), FailureClass.TRANSIENT),
    (timed_out(TimeoutType.START_TO_CLOSE), FailureClass.UNKNOWN),
    (timed_out(TimeoutType.HEARTBEAT), FailureClass.UNKNOWN),
    (timed_out(TimeoutType.SCHEDULE_TO_CLOSE), FailureClass.UNKNOWN),
    (timed_out(TimeoutType.SCHEDULE_TO_START), FailureClass.TRANSIENT),
    (CancelledError(), FailureClass.UNKNOWN),
    (ValueError("?"), FailureClass.TRANSIENT),
]


@pytest.mark.parametrize(("cause", "kind"), CLASSES, ids=[f"{type(c).__name__}-{k}" for c, k in CLASSES])
def test_the_class_of_a_failure_tells_whether_its_effect_may_have_happened(
    cause: BaseException, kind: FailureClass
) -> None:
    assert classify("charge", failed(cause)).kind is kind


def test_a_failure_has_the_attempt_that_its_activity_reported() -> None:
    failure = classify("charge", failed(ApplicationError("later", 4, type="Unavailable")))

    assert (failure.step, failure.type, failure.message, failure.attempt) == ("charge", "Unavailable", "later", 4)


def test_retries_wait_one_two_four_seconds() -> None:
    policy = Policy().retries()

    assert policy.initial_interval == timedelta(seconds=1)
    assert policy.backoff_coefficient == 2.0
    assert policy.maximum_attempts == 4
