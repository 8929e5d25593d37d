"""The history of a process: the activities that Temporal recorded, and the operators' decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.handles import handle_of, process_named
from client.history.activity_lines import ActivityLine, activity_lines
from client.progress import state_of
from models.commands import CancelOrder
from models.errors import NotFound
from models.names import ProcessKind, ProcessName
from models.process import StepExecution, Style

Decision = dict[str, Any]
# The updates that cancel an order or a slip; their inputs have the same fields.
CANCELS = {"cancel_order", "cancel_slip"}
UNREADABLE = (ValueError, TypeError, KeyError, RuntimeError, ApplicationError)


@dataclass(frozen=True)
class RecordedHistory:
    """The activities of a process, its cancel, and the operators' decisions, which are None when no worker answered."""

    name: ProcessName
    activities: list[ActivityLine]
    decisions: list[Decision] | None
    cancels: list[Decision]


async def history_of(process: str, connection: Connection) -> RecordedHistory:
    """Return the history of a process; only the decisions need a worker. Raise NotFound, Conflict, Unavailable."""
    client = await connection.temporal()
    name = await process_named(process, connection)
    handle = handle_of(name, client)
    try:
        described = await handle.describe()
        recorded = await handle.fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        if await _is_choreographed(name, connection):
            events = f"`python starter.py trace {name.argument}` shows its events"
            raise NotFound(f"a choreographed order has no history in Temporal; {events}") from None
        raise NotFound(f"Temporal has no history of the {name}") from None
    pending = described.raw_description.pending_activities
    lines = await activity_lines(recorded.events, pending, client.data_converter)
    state = await state_of(handle)
    decisions = None if state is None else [_decision(line) for line in state.history if line.direction == "resolve"]
    return RecordedHistory(name, lines, decisions, await _cancels(recorded.events, client.data_converter))


async def _cancels(events: Sequence[HistoryEvent], converter: DataConverter) -> list[Decision]:
    """Return the accepted commands to cancel: verb, time, actor and reason; a repeated command is there each time."""
    found: list[Decision] = []
    for event in events:
        asked = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
        if asked.name in CANCELS:
            try:
                [command] = await converter.decode(asked.args.payloads, [CancelOrder])
            except UNREADABLE:  # of a workflow of another program under this id
                continue
            at = event.event_time.ToDatetime(tzinfo=UTC).isoformat()
            found.append({"verb": "cancel", "at": at, "actor": command.actor, "reason": command.reason})
    return found


async def _is_choreographed(name: ProcessName, connection: Connection) -> bool:
    if name.kind is not ProcessKind.ORDER:
        return False
    record = await (await connection.services()).orders.find(name.id)
    return record is not None and record.style is Style.CHOREOGRAPHED


def _decision(line: StepExecution) -> Decision:
    """Return an operator's decision from the state's history: step, verb, time, actor and reason."""
    return {
        "step": line.step,
        "verb": line.summary,
        "at": line.model_dump(mode="json")["started_at"],
        **(line.result or {}),
    }
