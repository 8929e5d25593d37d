"""Commands to a running process, sent as updates and queries."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.diagnosis.evidence import one_line
from client.handles import NO_WORKER, Handle, described_or_none, handle_of, process_named
from client.progress import UNREADABLE, state_of
from models.base import Message, fingerprint
from models.commands import CancelOrder, CommandAccepted, Resolve, UndoPlan
from models.errors import Conflict, NotFound, Unavailable
from models.external_events import EventAccepted, ExternalEvent
from models.names import ProcessKind, ProcessName
from models.process import ProcessState, Style
from models.slips.slip import CancelSlip, SlipCommandAccepted
from services.orders.records import OrderRecord

PATIENCE = timedelta(seconds=10)
NO_WORKER_ANSWERS = "no worker answers; start a worker, then send the same command again"
RECOVERED = "`python starter.py stuck` says when it is recovered"
LOST = f"it is open, and its workflow is gone; {RECOVERED}"
Answer = TypeVar("Answer", bound=Message)


async def plan(process: str, connection: Connection) -> UndoPlan:
    """Return what a cancel would undo now; raise NotFound, Conflict when the process has ended, Unavailable."""
    async with running(process, connection, "no plan") as (_, handle):
        try:
            found: UndoPlan = await handle.query("undo_plan", result_type=UndoPlan, rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status in NO_WORKER:
                raise Unavailable(NO_WORKER_ANSWERS) from None
            raise
        except UNREADABLE as error:
            raise Conflict(f"no plan: the process can't be read: {one_line(str(error))}") from None
    return found


async def cancel(process: str, command: CancelOrder, connection: Connection) -> CommandAccepted | SlipCommandAccepted:
    """Cancel a process; raise NotFound, Conflict when it can no longer be cancelled, Unavailable."""
    otherwise = "not cancelled"
    # The id comes from the reason, so that Temporal deduplicates a repeated command.
    update_id = "cancel-" + hashlib.sha256(command.reason.encode()).hexdigest()[:16]
    async with running(process, connection, otherwise) as (name, handle):
        if name.kind is ProcessKind.SLIP:
            asked = CancelSlip(**vars(command))
            return await send(handle, "cancel_slip", asked, update_id, otherwise, SlipCommandAccepted)
        return await send(handle, "cancel_order", command, update_id, otherwise, CommandAccepted)


async def resolve(process: str, command: Resolve, connection: Connection) -> CommandAccepted | SlipCommandAccepted:
    """Decide on a parked step; raise NotFound, Conflict when the decision is not possible, Unavailable."""
    otherwise = "not resolved"
    async with running(process, connection, otherwise) as (name, handle):
        state = await state_of(handle, PATIENCE)
        if state is None:
            raise Unavailable(NO_WORKER_ANSWERS)
        answer = CommandAccepted if name.kind is ProcessKind.ORDER else SlipCommandAccepted
        return await send(handle, "resolve", command, decision_id(command, state), otherwise, answer)


def decision_id(command: Resolve, state: ProcessState) -> str:
    """Return the update id of a decision.

    A repeated decision has the same id and gets the same answer; when the step is parked again, the id is a new one.
    """
    decided, waits = 0, False
    for line in state.history:
        if line.step != command.step:
            continue
        if line.direction == "resolve":
            decided, waits = decided + 1, False
        elif line.status == "parked":
            waits = True
    parking = decided if waits else max(decided - 1, 0)
    return "resolve-" + hashlib.sha256(f"{fingerprint(command)}:{parking}".encode()).hexdigest()[:16]


def event_update_id(event: ExternalEvent) -> str:
    """Return the update id of an event: its event id and the fingerprint of its content."""
    return f"event-{event.event_id}-{fingerprint(event)[:16]}"


async def deliver(handle: Handle, event: ExternalEvent) -> EventAccepted:
    """Deliver an event; raise Conflict when the order refuses it, Unavailable, RPCError.

    A repeated event gets the answer of the first one, also after the order has ended.
    """
    update_id = event_update_id(event)
    try:
        try:
            taken: EventAccepted = await handle.execute_update(
                "deliver_event", event, id=update_id, result_type=EventAccepted, rpc_timeout=PATIENCE
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise limit_met(error, "event refused") or error from None
            # An order that has ended accepts no new update, but Temporal keeps the results of the earlier ones.
            known = handle.get_update_handle(update_id, result_type=EventAccepted)
            taken = await known.result(rpc_timeout=PATIENCE)
    except WorkflowUpdateFailedError as refused:
        raise Conflict(f"event refused: {getattr(refused.cause, 'message', refused.cause)}") from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable("no worker answers; start a worker, then send the same event again") from None
    return taken


async def deliver_event(process: str, event: ExternalEvent, connection: Connection) -> EventAccepted:
    """Deliver an event to an order; raise as `deliver`, NotFound, and Conflict when the order has ended.

    Raises Unavailable when the order is open without a workflow: the event may be sent again.
    """
    name = await process_named(process, connection, [ProcessKind.ORDER])
    handle = handle_of(name, await connection.temporal())
    try:
        return await deliver(handle, event)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    record = await (await connection.services()).orders.find(name.id)
    if record is None and await described_or_none(handle) is None:
        raise NotFound(f"there is no {name}")
    if record and record.style is Style.CHOREOGRAPHED:
        raise Conflict(f"event refused: {_choreographed(name)}")
    if record and not record.status.final:
        raise Unavailable(f"event not delivered: {LOST}; then send the same event again")
    ended = f", {record.status}" if record else ""
    raise Conflict(f"event refused: it came too late, the order has ended{ended}; nothing of this event is booked")


async def send(
    handle: Handle, update: str, command: Message, update_id: str | None, otherwise: str, answer: type[Answer]
) -> Answer:
    """Send a command as an update; raise Conflict when it is refused, Unavailable when no worker answers."""
    try:
        taken: Answer = await handle.execute_update(
            update, command, id=update_id, result_type=answer, rpc_timeout=PATIENCE
        )
    except WorkflowUpdateFailedError as refused:
        raise Conflict(f"{otherwise}: {getattr(refused.cause, 'message', refused.cause)}") from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable(NO_WORKER_ANSWERS) from None
    except RPCError as error:
        raise limit_met(error, otherwise) or error from None
    return taken


def limit_met(error: RPCError, otherwise: str) -> Conflict | Unavailable | None:
    """Return the error for a limit of Temporal's that a command has met, None for any other error.

    Conflict: the run takes no update any more. Unavailable: too many are in progress, or requests a second.
    """
    said = error.message.partition(". ")[0]
    if "total number of distinct updates" in said:
        return Conflict(f"{otherwise}: Temporal takes no more updates for this run ({said})")
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        return Unavailable(f"{otherwise}: a limit of Temporal is met ({said}); send the same command again later")
    return None


@asynccontextmanager
async def running(
    process: str, connection: Connection, otherwise: str, kinds: Iterable[ProcessKind] = tuple(ProcessKind)
) -> AsyncIterator[tuple[ProcessName, Handle]]:
    """Yield a process and its run; raise NotFound when there is no such process, Conflict when it has ended."""
    name = await process_named(process, connection, kinds)
    handle = handle_of(name, await connection.temporal())
    try:
        yield name, handle
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise await _why_not(name, handle, connection, otherwise) from None


async def _why_not(name: ProcessName, handle: Handle, connection: Connection, otherwise: str) -> NotFound | Conflict:
    """Return why a process has no run: it never existed, it has ended, or it lost its workflow."""
    services = await connection.services()
    known = await (services.orders if name.kind is ProcessKind.ORDER else services.slips).find(name.id)
    described = await described_or_none(handle)
    if known is None and described is None:
        return NotFound(f"there is no {name}")
    if known and known.closed_at:
        return Conflict(f"{otherwise}: it has ended, {known.status}")
    if isinstance(known, OrderRecord) and known.style is Style.CHOREOGRAPHED:
        return Conflict(f"{otherwise}: {_choreographed(name)}")
    if described and described.status:
        return Conflict(f"{otherwise}: its workflow has ended, {described.status.name.lower()}; {RECOVERED}")
    return Conflict(f"{otherwise}: {LOST}")


def _choreographed(name: ProcessName) -> str:
    return f"a choreographed order has no workflow; `python starter.py status {name.argument}` says what helps"
