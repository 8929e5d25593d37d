"""Handles on the workflows of orders and slips: resolve a process name, and check that Temporal has its run."""

from collections.abc import Iterable
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from models.errors import Conflict, InvalidInput
from models.names import ProcessKind, ProcessName, readings
from models.process import OrderResult
from models.slips.slip import SlipResult

Handle = WorkflowHandle[Any, Any]
_A = {ProcessKind.ORDER: "an order", ProcessKind.SLIP: "a slip"}
RESULTS = {ProcessKind.ORDER: OrderResult, ProcessKind.SLIP: SlipResult}
# The server's status codes when no worker polls the task queue, or no worker answers in time.
NO_WORKER = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}


def handle_of(name: ProcessName, client: Client) -> Handle:
    """Return a handle on the run of a process; the run may not exist."""
    return client.get_workflow_handle(name.workflow_id, result_type=RESULTS[name.kind])


async def described_or_none(handle: Handle) -> WorkflowExecutionDescription | None:
    """Return Temporal's description of a run, None when Temporal has no such run."""
    try:
        return await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def exists(handle: Handle) -> bool:
    """Return whether Temporal has this run."""
    return await described_or_none(handle) is not None


async def process_named(
    text: str, connection: Connection, kinds: Iterable[ProcessKind] = tuple(ProcessKind)
) -> ProcessName:
    """Return the process that an id or path names; raise InvalidInput, Conflict when the id is ambiguous.

    `slip-1` is ambiguous when the order `slip-1` and the slip `1` both exist; `orders/slip-1` and `slips/1` never are.
    A bare id of both an order and a slip is the order's.
    """
    allowed = list(kinds)
    possible = readings(text, allowed)
    if not possible:
        raise InvalidInput("ID", f"{text!r} is not the id of {' or '.join(_A[kind] for kind in allowed)}")
    if len(possible) == 1:
        return possible[0]
    there: list[ProcessName] = []
    for name in possible:
        bare = name.id == text
        if not (bare and any(found.id == text for found in there)) and await _is_there(name, connection):
            there.append(name)
    if len(there) > 1:
        both = " and ".join(f"the {name} ({name.path})" for name in there)
        raise Conflict(f"{text} is the id of {both}; give the path instead")
    return there[0] if there else possible[0]


async def _is_there(name: ProcessName, connection: Connection) -> bool:
    # Temporal first: the database, which has the older ones too, is then not needed for a process that runs.
    if await exists(handle_of(name, await connection.temporal())):
        return True
    services = await connection.services()
    return await (services.orders if name.kind is ProcessKind.ORDER else services.slips).find(name.id) is not None
