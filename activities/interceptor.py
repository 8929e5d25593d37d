"""Where activities meet Temporal: errors become failure classes, replies say their attempt, long calls show life."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.activities.base import Reply
from models.errors import Final, InvalidInput, Refused, Unavailable


class ActivityInterceptor(Interceptor):
    """The interceptor that every worker of the house is built with.

    Without `express` a worker turns away what is tried inside a workflow task; the saga then asks by the task queue.
    """

    def __init__(self, *, express: bool = True) -> None:
        self._express = express

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Return the boundary around an activity."""
        return _Inbound(super().intercept_activity(next), express=self._express)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, *, express: bool) -> None:
        super().__init__(inner)
        self._express = express

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        info = activity.info()
        if info.is_local and not self._express:
            raise ApplicationError("this worker takes no step inside a workflow task", type="NoExpress")
        if info.is_local and activity.is_worker_shutdown():
            raise ApplicationError("this worker is draining: it begins nothing new", type="Draining")
        alive = asyncio.create_task(_heartbeat(info.heartbeat_timeout)) if info.heartbeat_timeout else None
        attempt = info.attempt
        try:
            reply = await self.next.execute_activity(input)
        except (Refused, Final, InvalidInput, Unavailable) as error:
            # Its message says all; the stack of what went wrong on purpose would only fill the history.
            raise as_failure(error, attempt) from None
        finally:
            if alive:
                alive.cancel()
        return reply.model_copy(update={"attempt": attempt}) if isinstance(reply, Reply) else reply


def as_failure(error: Exception, attempt: int) -> ApplicationError:
    """Return what Temporal and the saga are told of an error: its class name, whether to retry, and when."""
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
    """Heartbeat while the call is out: a cancel reaches the activity that way, and a dead worker is noticed."""
    while True:
        await asyncio.sleep(timeout.total_seconds() / 3)  # first: most calls are over before anybody wonders
        activity.heartbeat()
