"""What a worker of `orders` answers for an activity that it doesn't have."""

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.elsewhere import Elsewhere
from temporal_saga import classify
from workflows.policies import NOT_BEGUN


async def answer(activity_type: str) -> ApplicationError:
    env = ActivityEnvironment()
    env.info = activity.Info(**{**env.info.__dict__, "activity_type": activity_type})
    try:
        await env.run(Elsewhere(("payments",)).elsewhere, [])
    except ApplicationError as error:
        return error
    raise AssertionError("it must fail")


async def test_an_activity_of_a_service_apart_is_sent_again_at_once_and_uses_up_no_attempt() -> None:
    error = await answer("charge_payment")

    assert str(error).endswith("charge_payment: the service payments has a task queue of its own now")
    assert error.non_retryable
    failure = classify("charge", error)
    assert (failure.type in NOT_BEGUN, failure.attempt) == (True, 0)


async def test_any_other_one_is_retried_on_this_queue_as_without_services_apart() -> None:
    for unknown in ("reserve_inventory", "of_a_newer_version"):
        error = await answer(unknown)
        assert not error.non_retryable
        assert error.type == "NotFoundError"
        assert "is not registered on this worker" in str(error)
