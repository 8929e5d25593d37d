"""Handles on the workflows of orders and slips: which process a text means, and whether Temporal has it."""

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
RESULTS = {ProcessKind.ORDER: OrderResult, ProcessKind.SLIP: SlipResult}
# What the server answers when no worker polls the task queue, or none answers in time.
NO_WORKER = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}


def handle_of(name: ProcessName, client: Client) -> Handle:
    """Return the handle on a process's run, which may not exist."""
    return client.get_workflow_handle(name.workflow_id, result_type=RESULTS[name.kind])


async def described_or_none(handle: Handle) -> WorkflowExecutionDescription | None:
    """Return what Temporal says of a run, or None when it has no such run."""
    try:
        return await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def exists(handle: Handle) -> bool:
    """Tell whether Temporal still has this run."""
    return await described_or_none(handle) is not None


async def process_named(
    text: str, connection: Connection, kinds: Iterable[ProcessKind] = tuple(ProcessKind)
) -> ProcessName:
    """Return the process of these kinds that a text means; raise InvalidInput, Conflict when two are called so.

    The order `slip-1` and the slip `1` may exist side by side: then `orders/slip-1` and `slips/1` tell them apart.
    """
    possible = readings(text, kinds)
    if not possible:
        raise InvalidInput("ID", f"{text!r} is no id of a process")
    if len(possible) == 1:
        return possible[0]
    there = [name for name in possible if await _is_there(name, connection)]
    if len(there) > 1:
        both = " and ".join(f"the {name} ({name.path})" for name in there)
        raise Conflict(f"{text} names {both}: say which")
    return there[0] if there else possible[0]


async def _is_there(name: ProcessName, connection: Connection) -> bool:
    services = await connection.services()
    known = await (services.orders if name.kind is ProcessKind.ORDER else services.slips).find(name.id)
    return known is not None or await exists(handle_of(name, await connection.temporal()))
