"""What Temporal keeps that tells why a process doesn't move: the end of its history, and who polls its queue."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType, TaskQueueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

EVENTS_LOOKED_AT = 200


async def polls(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> tuple[datetime | None, int]:
    """Return when a task queue was last polled, None when it was not of late, and by how many."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    pollers = (await client.workflow_service.describe_task_queue(request)).pollers
    times = [time for poller in pollers if (time := at(poller.last_access_time))]
    return max(times, default=None), len(pollers)


async def task_failure(
    client: Client, described: DescribeWorkflowExecutionResponse
) -> tuple[str, datetime | None] | None:
    """Return the error of the last workflow task, and when it was; None when its workers just went away."""
    async for event in _backwards(client, described):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failure = event.workflow_task_failed_event_attributes.failure
            return one_line(failure.message or "without a message"), at(event.event_time)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return None
    return None


async def scheduled_at(
    client: Client, described: DescribeWorkflowExecutionResponse, activity_id: str
) -> datetime | None:
    """Return when the server was first asked for an activity that is under way."""
    async for event in _backwards(client, described):
        if event.activity_task_scheduled_event_attributes.activity_id == activity_id:
            return at(event.event_time)
    return None


async def _backwards(client: Client, described: DescribeWorkflowExecutionResponse) -> AsyncIterator[HistoryEvent]:
    """The last events of a run, the newest first: what is under way has begun there."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=described.workflow_execution_info.execution,
        maximum_page_size=EVENTS_LOOKED_AT,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in answer.history.events:
        yield event


def at(time: Timestamp) -> datetime | None:
    """Return a protobuf time, None for one that isn't set."""
    return time.ToDatetime(UTC) if time.seconds else None


def one_line(text: str) -> str:
    """Return the first 300 characters of a text, on one line."""
    return " ".join(text.split())[:300]
