"""Reads one run's history: how the run began and ended, and which of its workflow tasks failed."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from models.names import (
    ORDER_WORKFLOW,
    RECOVERY_WORKFLOW,
    SLIP_RECOVERY_WORKFLOW,
    SLIP_WORKFLOW,
    slip_workflow_id,
    workflow_id,
)
from tests.faults.evidence.runs import LogLine, ObservedProcess

SLIP = "slip."
PREFIXES = {
    ORDER_WORKFLOW: (workflow_id(""), ""),
    RECOVERY_WORKFLOW: (workflow_id(""), ""),
    SLIP_WORKFLOW: (slip_workflow_id(""), SLIP),
    SLIP_RECOVERY_WORKFLOW: (slip_workflow_id(""), SLIP),
}
ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued_as_new",
}


class EndedProcess(BaseModel):
    """The status field of an order's or a slip's result."""

    status: str


def workflow_of(order_id: str) -> str:
    """Return the workflow id of an order or of a slip."""
    return slip_workflow_id(order_id.removeprefix(SLIP)) if order_id.startswith(SLIP) else workflow_id(order_id)


async def process_of(
    client: Client, run_id: str, history: WorkflowHistory, status: str | None, log: tuple[LogLine, ...]
) -> ObservedProcess:
    """Return a run from its history, with the log and the status that its replay produced."""
    first, last = history.events[0], history.events[-1]
    started = first.workflow_execution_started_event_attributes
    kind, ended = started.workflow_type.name, ENDS.get(last.event_type)
    failure = last.workflow_execution_failed_event_attributes.failure
    prefix, order = PREFIXES.get(kind, (history.workflow_id, ""))
    return ObservedProcess(
        workflow_id=history.workflow_id,
        run_id=run_id,
        type=kind,
        order_id=order + history.workflow_id.removeprefix(prefix),
        status=ended or "running",
        outcome=await _outcome(client, last) if ended else status,
        began=_began(first, run_id),
        started_at=_seconds(first),
        closed_at=_seconds(last) if ended else None,
        log=log,
        failure=failure.application_failure_info.type or failure.message,
        task_failures=tuple(_task_failures(history.events)),
    )


async def _outcome(client: Client, last: HistoryEvent) -> str | None:
    """Return the order's outcome in the result of its run; a cancelled run has no result."""
    payloads: Sequence[Payload] = last.workflow_execution_completed_event_attributes.result.payloads
    failure = last.workflow_execution_failed_event_attributes.failure
    payloads = payloads or failure.application_failure_info.details.payloads
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
        return "cancelled"
    if not payloads or b'"status"' not in payloads[0].data:
        return None
    [ended] = await client.data_converter.decode(payloads[:1], [EndedProcess])
    return str(ended.status)


def _began(first: HistoryEvent, run_id: str) -> Literal["start", "reset", "continued"]:
    started = first.workflow_execution_started_event_attributes
    if started.continued_execution_run_id:
        return "continued"
    # A reset copies the first event of the run that it resets.
    return "start" if started.original_execution_run_id == run_id else "reset"


def _task_failures(events: Sequence[HistoryEvent]) -> list[str]:
    prefix = "WORKFLOW_TASK_FAILED_CAUSE_"
    return [
        WorkflowTaskFailedCause.Name(event.workflow_task_failed_event_attributes.cause).removeprefix(prefix)
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]


def _seconds(event: HistoryEvent) -> float:
    return event.event_time.ToMicroseconds() / 1e6
