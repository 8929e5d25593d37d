"""The interceptor around every activity: it converts errors to failures, numbers the attempts and heartbeats."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from inspect import Signature, signature
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from models.activities.base import Reply, Request
from models.errors import Final, InvalidInput, NotAccepted, Refused, Unavailable
from models.names import workflow_of


class ActivityInterceptor(Interceptor):
    """The activity interceptor of every worker of this project.

    With `express=False`, a worker refuses local activities, and the saga uses the task queue instead.
    """

    def __init__(self, *, express: bool = True) -> None:
        self._express = express

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Return the interceptor of one activity."""
        return _Inbound(super().intercept_activity(next), express=self._express)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, *, express: bool) -> None:
        super().__init__(inner)
        self._express = express

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        """Take the interceptor of the activity's own calls."""
        super().init(_Outbound(outbound))

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        info = activity.info()
        if info.is_local and not self._express:
            raise ApplicationError("this worker takes no step inside a workflow task", type="NoExpress")
        if info.is_local and activity.is_worker_shutdown():
            raise ApplicationError("this worker is draining and starts no local activity", type="Draining")
        alive = asyncio.create_task(_heartbeat(info.heartbeat_timeout)) if info.heartbeat_timeout else None
        attempt = info.attempt
        try:
            _check_arguments(input)
            _check_caller(input, info.workflow_id)
            reply = await self.next.execute_activity(input)
        except (Refused, Final, InvalidInput, Unavailable) as error:
            # The stack trace of an expected error would only enlarge the history.
            raise as_failure(error, attempt) from None
        finally:
            if alive:
                alive.cancel()
        return reply.model_copy(update={"attempt": attempt}) if isinstance(reply, Reply) else reply


class _Outbound(ActivityOutboundInterceptor):
    """Repeats the details of the last heartbeat, of this attempt or an earlier one, in each heartbeat without any."""

    def __init__(self, inner: ActivityOutboundInterceptor) -> None:
        super().__init__(inner)
        self._details: tuple[Any, ...] | None = None

    def heartbeat(self, *details: Any) -> None:
        """Send a heartbeat."""
        known = tuple(self.info().heartbeat_details) if self._details is None else self._details
        self._details = details or known
        super().heartbeat(*self._details)


@lru_cache
def _signature(activity_function: Callable[..., Any]) -> Signature:
    return signature(activity_function)


def _check_arguments(input: ExecuteActivityInput) -> None:  # noqa: A002 - the SDK's name
    """Raise InvalidInput for another number of arguments, which the SDK passes on without their types."""
    try:
        _signature(input.fn).bind(*input.args)
    except TypeError as error:
        raise InvalidInput("arguments", str(error)) from None


def _check_caller(input: ExecuteActivityInput, workflow_id: str | None) -> None:  # noqa: A002 - the SDK's name
    """Raise NotAccepted for a step of a process whose own workflow doesn't call it.

    Anyone who reaches the task queue can call an activity. Temporal runs one workflow for an id at a time, so nobody
    else can do, undo or close a step of a process while its workflow runs.
    """
    for request in input.args:
        if isinstance(request, Request) and workflow_of(request.order_id) != workflow_id:
            raise NotAccepted(f"{request.key}: only the workflow {workflow_of(request.order_id)} may call this")


def as_failure(error: Exception, attempt: int) -> ApplicationError:
    """Return the failure for an error: its class name as type, the attempt as detail, and whether and when to retry."""
    final = not isinstance(error, Unavailable)
    wait = error.retry_after if isinstance(error, Unavailable) else None
    return ApplicationError(
        str(error),
        attempt,
        type=type(error).__name__,
        non_retryable=final,
        next_retry_delay=timedelta(seconds=wait) if wait is not None else None,
        category=ApplicationErrorCategory.BENIGN
        if isinstance(error, Refused)
        else ApplicationErrorCategory.UNSPECIFIED,
    )


async def _heartbeat(timeout: timedelta) -> None:
    """Heartbeat during the call, so that a cancel reaches the activity and the server notices a dead worker."""
    while True:
        await asyncio.sleep(timeout.total_seconds() / 3)  # first, because most calls end sooner
        activity.heartbeat()
