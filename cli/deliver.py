"""`event`: tell an order what happened outside."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from cli import intake
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.placing import Handle, run_of
from cli.running import run_to_end
from cli.session import Session, session
from cli.status import described_or_none
from models.base import fingerprint
from models.errors import Conflict, InvalidInput, NotFound, Unavailable
from models.external_events import EVENT_TYPES, EventTaken, OutsideEvent
from models.intake.reading import check_payload, made

PATIENCE = timedelta(seconds=10)
REFUSED = "event refused"

Type = Annotated[str, typer.Option("--type", metavar="TYPE", help=f"What happened: {' or '.join(EVENT_TYPES)}.")]
EventId = Annotated[str, typer.Option(help="The sender's id of it: the same id again is the same event.")]
Payload = Annotated[str | None, typer.Option(metavar="FILE", help="A file with what came along in JSON, - for stdin.")]


def event(
    order_id: OrderId, event_type: Type, event_id: EventId, payload: Payload = None, as_json: AsJson = False
) -> None:
    """Tell an order what came of its bank transfer; exit code 6, with the reason, when it can't take it."""
    if event_type not in EVENT_TYPES:
        raise InvalidInput("--type", f"must be {' or '.join(EVENT_TYPES)}")
    came = intake.read_payload(payload) if payload else {}
    fields = {"event_id": intake.order_id(event_id, "--event-id"), "type": event_type, "payload": came}
    said = made(OutsideEvent, fields, {"event_id": "--event-id"})
    check_payload(event_type, came)
    run_to_end(_deliver(intake.order_id(order_id), said, Output(as_json)))


async def _deliver(order_id: str, said: OutsideEvent, output: Output) -> None:
    async with session() as opened:
        run = run_of(order_id, await opened.client())
        try:
            taken = await deliver(run, said)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise await _why_not(order_id, run, opened) from None
    output.answer(taken, f"order {order_id}: {taken.type} taken, it {taken.effect} {taken.step}")


def update_id(said: OutsideEvent) -> str:
    """Return the id of an event's update, made of all that the event says."""
    return f"event-{said.event_id}-{fingerprint(said)[:16]}"


async def deliver(run: Handle, said: OutsideEvent) -> EventTaken:
    """Deliver an event once, however often it is sent; raise Conflict when it is refused, Unavailable, RPCError.

    A repeated one is answered as the first time, also when the order has ended since.
    """
    asked: dict[str, Any] = {"result_type": EventTaken, "rpc_timeout": PATIENCE}
    try:
        try:
            taken: EventTaken = await run.execute_update("deliver_event", said, id=update_id(said), **asked)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # An order that has ended takes nothing new, but still knows what it took.
            handle = run.get_update_handle(update_id(said), result_type=EventTaken)
            taken = await handle.result(rpc_timeout=PATIENCE)
    except WorkflowUpdateFailedError as refused:
        raise Conflict(f"{REFUSED}: {getattr(refused.cause, 'message', refused.cause)}") from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable("no worker answers; deliver the event again once one runs") from None
    return taken


async def _why_not(order_id: str, run: Handle, opened: Session) -> NotFound | Conflict:
    """Tell an order that ended from one that never was."""
    record = await (await opened.orders()).find(order_id)
    described = await described_or_none(run)
    if record is None and described is None:
        return NotFound(f"there is no order {order_id}")
    ended = f", {record.status}" if record and record.status.final else ""
    return Conflict(f"{REFUSED}: it came too late, the order has ended{ended}; nothing of this event is booked")
