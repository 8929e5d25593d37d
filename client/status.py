"""The status of one process, from its workflow, or from its table when no worker answers."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from client.advice import starter
from client.choreographed import standing_of
from client.connection import Connection
from client.diagnosis.stuck import redrive_command
from client.diagnosis.waiting import help_of
from client.handles import described_or_none, handle_of, process_named
from client.progress import state_of
from models.errors import NotFound
from models.money import Money
from models.names import STATUS_ATTRIBUTE, ProcessKind
from models.process import ProcessState, Style
from services.orders.records import OrderRecord
from services.slips.slips import SlipRecord

_STATUS = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)


class ProcessStatus(BaseModel):
    """The status of a process; `state` is None when no worker answers or no state is stored.

    `style` is how an order runs: a choreographed one has no workflow. `help_command` helps when its status is
    `needs_attention`.
    """

    order_id: str
    status: str
    style: Style = Style.ORCHESTRATED
    help_command: str | None = None
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
    if name.kind is ProcessKind.ORDER and (found := await _choreographed(name.id, connection)):
        return found
    handle = handle_of(name, await connection.temporal())
    described = await described_or_none(handle)
    state = await state_of(handle) if described else None
    record: OrderRecord | SlipRecord | None = None
    services = await connection.services()
    if state is None and name.kind is ProcessKind.SLIP:
        record = await services.slips.find(name.id)
    elif state is None:
        record = await services.orders.find(name.id)
        if described is None and record:  # the stored state outlives Temporal's retention
            state = await services.process_states.load(name.id)
    if described is None and record is None:
        raise NotFound(f"there is no {name}")
    shown = name.id if name.kind is ProcessKind.ORDER else name.workflow_id
    helps = help_of(name, state) if state else None
    if described and not _runs(described) and state and not state.status.final:
        helps = starter("stuck")  # it was terminated: no workflow takes a decision until it is recovered
    return ProcessStatus(order_id=shown, help_command=helps, **_known(described, state, record))


def _runs(described: WorkflowExecutionDescription) -> bool:
    return described.status is WorkflowExecutionStatus.RUNNING


async def _choreographed(order_id: str, connection: Connection) -> ProcessStatus | None:
    """Return the status of a choreographed order, None when there is none of this id."""
    services = await connection.services()
    record = await services.orders.find(order_id)
    if record is None or record.style is not Style.CHOREOGRAPHED:
        return None
    standing = await standing_of(record, services)
    known = _known(None, None, record) | {"status": standing.result.status, "reason": standing.result.reason}
    help_command = redrive_command(standing.letters[0].letter_id) if standing.letters else None
    return ProcessStatus(order_id=order_id, style=Style.CHOREOGRAPHED, help_command=help_command, **known)


def _known(
    described: WorkflowExecutionDescription | None,
    state: ProcessState | None,
    record: OrderRecord | SlipRecord | None,
) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if described:
        known |= {"workflow": described.status.name.lower() if described.status else None, "run_id": described.run_id}
        known |= {"created_at": described.start_time, "closed_at": described.close_time, "status": known["workflow"]}
    if record:
        known |= {"status": record.status, "reason": record.reason}
        known |= {"total": record.total} if isinstance(record, OrderRecord) else {}
        known |= {"created_at": record.created_at, "closed_at": record.closed_at}
    if described and _runs(described) and (status := described.typed_search_attributes.get(_STATUS)):
        known |= {"status": status}  # off the happy path, the server knows more than the record
    if state:
        # A state beside a record is the stored one: the record is newer.
        known |= {"state": state} if record else {"status": state.status.value, "state": state}
    return known
