"""`event`: deliver an external event to an order."""

from typing import Annotated

import typer

from cli import intake
from cli.options import AsJson, OrderId
from cli.output import Output, plain
from cli.run import run_to_end
from models.errors import InvalidInput
from models.external_events import EVENT_TYPES, ExternalEvent
from models.intake.reading import check_payload, made
from models.problems import did_you_mean
from orders import connect

Type = Annotated[str, typer.Option("--type", metavar="TYPE", help=f"The event's type: {' or '.join(EVENT_TYPES)}.")]
EventId = Annotated[str, typer.Option(help="The sender's id of the event; an id is applied once.")]
Payload = Annotated[str | None, typer.Option(metavar="FILE", help="A file with the payload in JSON, or - for stdin.")]


def event(
    order_id: OrderId, event_type: Type, event_id: EventId, payload: Payload = None, as_json: AsJson = False
) -> None:
    """Report the result of a bank transfer to an order; exit code 6 when the order refuses it."""
    fields = intake.checked(
        {
            "order": lambda: intake.process(order_id),
            "type": lambda: _known(event_type),
            "event_id": lambda: intake.order_id(event_id, "--event-id"),
            "payload": lambda: intake.read_payload(payload) if payload else {},
        }
    )
    order = fields.pop("order")
    external = made(ExternalEvent, fields, {"event_id": "--event-id"})
    check_payload(event_type, external.payload)
    run_to_end(_deliver(order, external, Output(as_json)))


def _known(event_type: str) -> str:
    if event_type not in EVENT_TYPES:
        raise InvalidInput("--type", f"must be {' or '.join(EVENT_TYPES)}{did_you_mean(event_type, EVENT_TYPES)}")
    return event_type


async def _deliver(order: str, external: ExternalEvent, output: Output) -> None:
    async with connect() as orders:
        accepted = await orders.deliver(order, external)
    line = f"order {accepted.order_id}: {accepted.type} accepted, it {accepted.effect} {accepted.step}"
    output.answer(accepted, plain(line))
