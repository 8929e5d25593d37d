"""The status of one process, from its workflow, or from its table when no worker answers."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from temporalio.client import WorkflowExecutionDescription

from client.connection import Connection
from client.handles import described_or_none, handle_of, process_named
from client.progress import state_of
from models.errors import NotFound
from models.money import Money
from models.names import ProcessKind
from models.process import ProcessState
from services.orders.records import OrderRecord


class ProcessStatus(BaseModel):
    """The status of a process; `state` is None when no worker answers or no state is stored."""

    order_id: str
    status: str
    workflow: str | None = None
    run_id: str | None = None
    total: Money | None = None
    reason: str | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None
    state: ProcessState | None = None


async def status_of(process: str, connection: Connection) -> ProcessStatus:
    """Return the status of a process; raise NotFound, Conflict when the id is ambiguous, Unavailable."""
    name = await process_named(process, connection)
    handle = handle_of(name, await connection.temporal())
    described = await described_or_none(handle)
    state = await state_of(handle) if described else None
    record = None
    if state is None and name.kind is ProcessKind.ORDER:
        services = await connection.services()
        record = await services.orders.find(name.id)
        if described is None and record:  # the stored state outlives Temporal's retention
            state = await services.process_states.load(name.id)
    if described is None and record is None:
        raise NotFound(f"there is no {name}")
    shown = name.id if name.kind is ProcessKind.ORDER else name.workflow_id
    return ProcessStatus(order_id=shown, **_known(described, state, record))


def _known(
    described: WorkflowExecutionDescription | None, state: ProcessState | None, record: OrderRecord | None
) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if described:
        known |= {"workflow": described.status.name.lower() if described.status else None, "run_id": described.run_id}
        known |= {"created_at": described.start_time, "closed_at": described.close_time, "status": known["workflow"]}
    if record:
        known |= {"status": record.status, "total": record.total, "reason": record.reason}
        known |= {"created_at": record.created_at, "closed_at": record.closed_at}
    if state:
        # A state beside a record is the stored one: the record is newer.
        known |= {"state": state} if record else {"status": state.status.value, "state": state}
    return known
