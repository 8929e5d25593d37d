"""What the orders accepted, for a service with a database of its own: it asks by a standalone activity."""

import asyncio
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from temporalio import activity
from temporalio.client import ActivityFailureError, Client
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.service import RPCError

from models.accepted import AcceptedProcess
from models.activities.accepted import FindAccepted, FoundAccepted
from models.errors import NotBegun
from models.names import TASK_QUEUE

# Less than one attempt of a participant's activity, which asks before it begins anything.
_ANSWER = timedelta(seconds=3)
# The server's own timer ends the call; this is for a server that doesn't answer.
_SERVER = _ANSWER + timedelta(seconds=1)
# A participant's activity waits for it.
_FIRST = Priority(priority_key=1)


class AcceptedProcesses(Protocol):
    """The port to the services of orders and slips."""

    async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess | None:
        """Return an accepted process, None when there is none; raise Unavailable."""
        ...


class AcceptedActivities:
    """The activity that answers, on workers of `orders`."""

    def __init__(self, accepted: AcceptedProcesses) -> None:
        self._accepted = accepted

    @activity.defn
    async def find_accepted(self, request: FindAccepted) -> FoundAccepted:
        """Return what is accepted of a process now, with the steps of the asking service only; raise Unavailable."""
        found = await self._accepted.of(request.process, fresh=True)
        if found is None:
            return FoundAccepted(accepted=None)
        steps = {name: step for name, step in found.steps.items() if step.activity == request.activity}
        return FoundAccepted(accepted=found.model_copy(update={"steps": steps}))


class AcceptedByCall:
    """Asks the workers of `orders` what was accepted of the steps that one activity does."""

    def __init__(self, client: Client, activity_type: str) -> None:
        self._client, self._activity = client, activity_type

    async def find(self, process: str) -> AcceptedProcess | None:
        """Return an accepted process, None when there is none; raise NotBegun without an answer in a few seconds."""
        try:
            async with asyncio.timeout(_SERVER.total_seconds()):
                found = await self._ask(process)
        except ActivityFailureError as failure:
            raise NotBegun(f"the orders were asked what they accepted: {_reason(failure.cause)}") from None
        except (RPCError, TimeoutError) as error:
            said = str(error) or "Temporal does not answer"
            raise NotBegun(f"the orders can't be asked what they accepted: {said}") from None
        return found.accepted

    async def _ask(self, process: str) -> FoundAccepted:
        answer: FoundAccepted = await self._client.execute_activity(
            AcceptedActivities.find_accepted.__name__,
            FindAccepted(process=process, activity=self._activity),
            id=f"accepted-{process}-{uuid4().hex}",
            task_queue=TASK_QUEUE,
            result_type=FoundAccepted,
            schedule_to_close_timeout=_ANSWER,
            retry_policy=RetryPolicy(maximum_attempts=1),  # the participant's own activity is tried again
            priority=_FIRST,
            summary=f"{process} for {self._activity}",
        )
        return answer


def _reason(cause: BaseException) -> str:
    """Return why a call failed, in words for the operator who sees it as the last error of a step."""
    if isinstance(cause, ApplicationError):
        return cause.message
    return "no worker of the task queue orders answers" if isinstance(cause, TemporalError) else str(cause)
