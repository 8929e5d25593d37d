"""The history of a process: the activities that Temporal recorded, and the operators' decisions."""

from dataclasses import dataclass
from typing import Any

from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.handles import handle_of, process_named
from client.history.activity_lines import ActivityLine, activity_lines
from client.progress import state_of
from models.errors import NotFound
from models.names import ProcessKind, ProcessName
from models.process import StepExecution, Style

Decision = dict[str, Any]


@dataclass(frozen=True)
class RecordedHistory:
    """The activities of a process, and the operators' decisions; these are None when no worker answered."""

    name: ProcessName
    activities: list[ActivityLine]
    decisions: list[Decision] | None


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
    return RecordedHistory(name, lines, decisions)


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
