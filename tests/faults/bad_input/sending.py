"""Sends updates to a running workflow as any client of Temporal can: any bytes under any encoding."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError

from tests.faults.bad_input.target import Target

Handle = WorkflowHandle[Any, Any]
PATIENCE = timedelta(seconds=20)
SERVER_TAKES = 2 * 1024 * 1024
TOO_LARGE = "unexpected workflow task failure"
ENDED = {"completed", "compensated", "cancelled", "failed"}
WRITTEN = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
}


@dataclass(frozen=True)
class Response:
    """The response to an update: accepted, or refused with the full message for the client."""

    accepted: bool
    message: str


def payload(data: bytes, encoding: str = "json/plain") -> RawValue:
    """Return raw bytes as a payload, with an encoding or without one."""
    return RawValue(Payload(metadata={"encoding": encoding.encode()} if encoding else {}, data=data))


def send(target: Target, handle: Handle, update: str, *sent: RawValue) -> Response:
    """Send an update and return the response; fail when the workflow neither accepts nor refuses the update."""

    async def ask() -> Response:
        try:
            await handle.execute_update(update, args=sent, rpc_timeout=PATIENCE)
        except RPCError as error:
            # The server itself refuses a too large request; any other answer of this kind comes from a stuck workflow.
            if TOO_LARGE not in error.message or sum(each.payload.ByteSize() for each in sent) < SERVER_TAKES:
                raise AssertionError(await _marks(handle)) from error
            return Response(accepted=False, message=error.message)
        except WorkflowUpdateFailedError as refused:
            return Response(accepted=False, message=" / ".join(_causes(refused.cause)))
        return Response(accepted=True, message="")

    return target.runner.run(ask())


def _causes(error: BaseException | None) -> Iterable[str]:
    while error is not None:
        yield str(error)
        error = getattr(error, "cause", None)


def state(target: Target, handle: Handle) -> dict[str, Any]:
    """Return a workflow's state by a query, which fails when the workflow is stuck."""
    answer: dict[str, Any] = target.runner.run(handle.query("state", rpc_timeout=PATIENCE))
    return answer


def marks(target: Target, handle: Handle) -> list[str]:
    """Return the events that updates left in a history: accepted updates and failed workflow tasks."""
    return target.runner.run(_marks(handle))


async def _marks(handle: Handle) -> list[str]:
    history = await handle.fetch_history()
    return [
        f"{EventType.Name(event.event_type)} {event.workflow_task_failed_event_attributes.failure.message}"
        for event in history.events
        if event.event_type in WRITTEN
    ]
