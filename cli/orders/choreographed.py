"""`place --style choreographed`: place an order that runs without a workflow, and follow it."""

from typing import Any

from cli import render
from cli.exits import Code, CommandEnded
from cli.live import Silence, interruptible, live, placing
from cli.orders.trace import event_document, letter_document, tree
from cli.output import Output
from client.choreographed import ChoreographedStatus
from client.orders import OrdersClient
from client.placing import RunOptions
from models.errors import InvalidInput
from models.names import ProcessKind, ProcessName
from models.order import Order
from models.process import Status, Style
from orders import connect


def refuse_for_choreographed(express: bool | None, within: float | None = None) -> None:
    """Raise InvalidInput for an option that needs a workflow."""
    if express:
        raise InvalidInput("--express", "a choreographed order has no workflow; leave out --express")
    if within:
        raise InvalidInput("--within", "a choreographed order has no workflow; leave out --within")


async def place_choreographed(order: Order, options: RunOptions, output: Output, *, wait: bool) -> None:
    """Place an order; with `wait`, follow it and raise CommandEnded when it does not complete."""
    async with connect() as orders:
        with placing(output, f"order {order.order_id}"):
            new = await orders.choreographed.place(orders.with_options(order, options))
        if not new:
            output.note(f"order {order.order_id} was placed before; it is not run again")
        if wait:
            standing = await _follow(order.order_id, orders, output)
        else:
            standing = await orders.choreographed.standing(order.order_id)
    line = render.result(standing.result) if wait else f"order {order.order_id} placed · {standing.result.total}"
    output.answer(_document(standing, placed_before=not new), line)
    if wait and standing.result.status is not Status.COMPLETED:
        raise CommandEnded(Code.NOT_COMPLETED)


async def _follow(order_id: str, orders: OrdersClient, output: Output) -> ChoreographedStatus:
    """Follow an order until it ends or waits for an operator, live on a terminal."""
    name, events = ProcessName(ProcessKind.ORDER, order_id), 0
    silence = Silence(output, f"{name} has no new event; unless a worker runs, `python worker.py` starts one")
    line = f"{name} goes on; `python starter.py trace {name.argument}` shows it"
    with interruptible(output, line), live(output) as shown:

        def seen(now: ChoreographedStatus) -> None:
            nonlocal events
            shown(tree(now))
            silence.heard(answer=len(now.events) > events or now.at_rest)
            events = len(now.events)

        return await orders.choreographed.follow(order_id, seen)


def _document(standing: ChoreographedStatus, *, placed_before: bool) -> dict[str, Any]:
    return {
        **standing.result.model_dump(mode="json"),
        "style": Style.CHOREOGRAPHED,
        "placed_before": placed_before,
        "events": [event_document(event) for event in standing.events],
        "dead": [letter_document(letter) for letter in standing.letters],
    }
