"""Convert Temporal's history events to one line for each activity, including local and pending ones."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

LOCAL_ACTIVITY = "core_local_activity"
ENDINGS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: ("completed", "activity_task_completed_event_attributes"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: ("failed", "activity_task_failed_event_attributes"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: ("timed out", "activity_task_timed_out_event_attributes"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: ("cancelled", "activity_task_canceled_event_attributes"),
}


class ActivityLine(BaseModel):
    """One activity of a process: its attempts so far, its times and its last error."""

    activity: str
    status: str = "pending"
    local: bool = False
    attempts: int = 0
    summary: str = ""
    scheduled_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    next_attempt_at: datetime | None = None
    error: str | None = None


async def activity_lines(
    events: Sequence[HistoryEvent], pending: Sequence[PendingActivityInfo], converter: DataConverter
) -> list[ActivityLine]:
    """Return the activities of a history in the order of their scheduling."""
    lines: dict[int, ActivityLine] = {}
    names: dict[str, int] = {}
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            names[scheduled.activity_id] = event.event_id
            lines[event.event_id] = ActivityLine(
                activity=scheduled.activity_type.name,
                summary=await _summary(event, converter),
                scheduled_at=_time(event.event_time),
            )
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            _start(lines, event)
        elif event.event_type in ENDINGS:
            _end(lines, event)
        elif event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY:
            lines[event.event_id] = await _local(event, converter)
    for each in pending:
        _retry(lines[names[each.activity_id]], each)
    return list(lines.values())


def _start(lines: dict[int, ActivityLine], event: HistoryEvent) -> None:
    """Record the start of an activity. The server writes this event when the activity ends, with the last attempt."""
    started = event.activity_task_started_event_attributes
    line = lines[started.scheduled_event_id]
    line.attempts, line.started_at = started.attempt, _time(event.event_time)
    if started.HasField("last_failure"):
        line.error = _error(started.last_failure)


def _end(lines: dict[int, ActivityLine], event: HistoryEvent) -> None:
    status, attributes = ENDINGS[event.event_type]
    ended = getattr(event, attributes)
    line = lines[ended.scheduled_event_id]
    line.status, line.ended_at = status, _time(event.event_time)
    if status in {"failed", "timed out"}:
        line.error = _error(ended.failure)


def _retry(line: ActivityLine, pending: PendingActivityInfo) -> None:
    """Record the attempt, the last failure and the next attempt of a pending activity."""
    line.attempts = pending.attempt
    line.started_at = _time(pending.last_started_time) if pending.HasField("last_started_time") else None
    if pending.HasField("last_failure"):
        line.status, line.error = "retrying", _error(pending.last_failure)
    if pending.HasField("next_attempt_schedule_time"):
        line.next_attempt_at = _time(pending.next_attempt_schedule_time)


async def _local(event: HistoryEvent, converter: DataConverter) -> ActivityLine:
    """Return the line of a local activity, from the one marker that is written when it ends."""
    marker = event.marker_recorded_event_attributes
    data = json.loads(marker.details["data"].payloads[0].data)
    ended = _time(event.event_time)
    failed = marker.HasField("failure")
    return ActivityLine(
        activity=data["activity_type"],
        status="failed" if failed else "completed",
        local=True,
        attempts=data.get("attempt", 1),
        summary=await _summary(event, converter),
        scheduled_at=ended,
        ended_at=ended,
        error=_error(marker.failure) if failed else None,
    )


async def _summary(event: HistoryEvent, converter: DataConverter) -> str:
    if not event.user_metadata.HasField("summary"):
        return ""
    payload: Payload = event.user_metadata.summary
    (text,) = await converter.decode([payload], [str])
    return str(text)


def _error(failure: Failure) -> str:
    """Return the type and message of a failure's innermost cause."""
    while failure.HasField("cause"):
        failure = failure.cause
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}" if kind else failure.message


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
