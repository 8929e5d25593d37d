"""Evidence for a diagnosis, from Temporal: the end of a run's history, and the pollers of its task queue."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType, TaskQueueType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

EVENTS_LOOKED_AT = 200


async def polls(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> tuple[datetime | None, int]:
    """Return the time of the last poll of a task queue (None without a recent one) and the number of pollers."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    pollers = (await client.workflow_service.describe_task_queue(request)).pollers
    times = [time for poller in pollers if (time := at(poller.last_access_time))]
    return max(times, default=None), len(pollers)


@dataclass(frozen=True)
class TaskFailure:
    """The failure of a workflow task; `lacks_search_attributes`: the server refused one that the workflow set."""

    message: str
    at: datetime | None
    lacks_search_attributes: bool


async def task_failure(client: Client, described: DescribeWorkflowExecutionResponse) -> TaskFailure | None:
    """Return the failure of the last workflow task; None when it did not fail, as after a lost worker."""
    async for event in _backwards(client, described):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failed = event.workflow_task_failed_event_attributes
            lacks = failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES
            return TaskFailure(one_line(failed.failure.message or "without a message"), at(event.event_time), lacks)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return None
    return None


async def scheduled_at(
    client: Client, described: DescribeWorkflowExecutionResponse, activity_id: str
) -> datetime | None:
    """Return when a pending activity was scheduled."""
    event = await _scheduled(client, described, activity_id)
    return at(event.event_time) if event else None


async def queue_of(client: Client, described: DescribeWorkflowExecutionResponse, pending: PendingActivityInfo) -> str:
    """Return the task queue of a pending activity, by its description or, from an older server, by the history."""
    if pending.activity_options.task_queue.name:
        return pending.activity_options.task_queue.name
    event = await _scheduled(client, described, pending.activity_id)
    in_history = event.activity_task_scheduled_event_attributes.task_queue.name if event else ""
    return in_history or described.execution_config.task_queue.name


async def _scheduled(
    client: Client, described: DescribeWorkflowExecutionResponse, activity_id: str
) -> HistoryEvent | None:
    async for event in _backwards(client, described):
        if event.activity_task_scheduled_event_attributes.activity_id == activity_id:
            return event
    return None


async def _backwards(client: Client, described: DescribeWorkflowExecutionResponse) -> AsyncIterator[HistoryEvent]:
    """Yield the last events of a run, newest first; a pending task is among them."""
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
