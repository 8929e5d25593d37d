"""The interceptor of activities: replies contain the attempt, errors become failures, long calls send heartbeats."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.interceptor import ActivityInterceptor
from models.activities.inventory import Released
from models.activities.payments import RefundPayment
from models.errors import CardDeclined


class Innermost(ActivityInboundInterceptor):
    """The activity itself."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        return await input.fn(*input.args)


async def through(fn: Any, *, attempt: int = 1, heartbeat: float | None = None) -> tuple[Any, int]:
    """Run an activity inside the interceptor; return the activity's reply and the number of heartbeats."""
    beats = 0

    def beat(*_: Any) -> None:
        nonlocal beats
        beats += 1

    env = ActivityEnvironment()
    timeout = None if heartbeat is None else timedelta(seconds=heartbeat)
    env.info = activity.Info(**{**env.info.__dict__, "attempt": attempt, "heartbeat_timeout": timeout})
    env.on_heartbeat = beat
    boundary = ActivityInterceptor().intercept_activity(Innermost())
    answer = await env.run(boundary.execute_activity, ExecuteActivityInput(fn, (), None, {}))
    return answer, beats


async def test_a_reply_contains_the_number_of_its_attempt() -> None:
    async def release() -> Released:
        return Released()

    answer, _ = await through(release, attempt=3)

    assert answer == Released(attempt=3)


async def test_an_error_of_a_service_becomes_an_application_error() -> None:
    async def charge() -> None:
        raise CardDeclined("the card was declined")

    with pytest.raises(ApplicationError) as caught:
        await through(charge, attempt=2)

    assert (caught.value.type, caught.value.message, caught.value.details) == (
        "CardDeclined",
        "the card was declined",
        (2,),
    )


async def test_an_unexpected_exception_is_not_converted() -> None:
    async def charge() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await through(charge)


async def test_a_long_call_sends_heartbeats_and_a_short_one_does_not() -> None:
    async def long() -> None:
        await asyncio.sleep(0.5)

    async def short() -> None:
        pass

    assert (await through(long, heartbeat=0.3))[1] >= 2
    assert (await through(short, heartbeat=0.3))[1] == 0
    assert (await through(long))[1] == 0


def refund() -> RefundPayment:
    return RefundPayment(key="o-1:charge", order_id="o-1")


async def called_by(workflow_id: str | None, *arguments: object) -> Any:
    """Call an activity with arguments from a workflow of this id, or alone."""

    async def act(*given: object) -> int:
        return len(given)

    env = ActivityEnvironment()
    env.info = activity.Info(**{**env.info.__dict__, "workflow_id": workflow_id})
    boundary = ActivityInterceptor().intercept_activity(Innermost())
    return await env.run(boundary.execute_activity, ExecuteActivityInput(act, arguments, None, {}))


@pytest.mark.parametrize("workflow_id", [None, "order-o-2", "slip-o-1", "o-1", "mallory"])
async def test_only_the_workflow_of_a_process_may_call_its_steps(workflow_id: str | None) -> None:
    with pytest.raises(ApplicationError, match="only the workflow order-o-1 may call this") as caught:
        await called_by(workflow_id, refund())

    assert (caught.value.type, caught.value.non_retryable) == ("NotAccepted", True)


async def test_the_workflow_of_a_process_calls_its_steps() -> None:
    of_slip = RefundPayment(key="slip.s-1:charge", order_id="slip.s-1")

    assert await called_by("order-o-1", refund()) == 1
    assert await called_by("slip-s-1", of_slip) == 1
    assert await called_by(None) == 0
