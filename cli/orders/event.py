"""`event`: tell an order what happened outside."""

from typing import Annotated

import typer

from cli import intake
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.run import run_to_end
from models.errors import InvalidInput
from models.external_events import EVENT_TYPES, ExternalEvent
from models.intake.reading import check_payload, made
from orders import connect

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
    said = made(ExternalEvent, fields, {"event_id": "--event-id"})
    check_payload(event_type, came)
    run_to_end(_deliver(intake.process(order_id), said, Output(as_json)))


async def _deliver(order: str, said: ExternalEvent, output: Output) -> None:
    async with connect() as orders:
        taken = await orders.deliver(order, said)
    output.answer(taken, f"order {taken.order_id}: {taken.type} taken, it {taken.effect} {taken.step}")
