"""`place --style choreographed`: place an order that runs without a workflow, and follow it."""

from typing import Any

from cli import render
from cli.exits import Code, CommandEnded
from cli.live import Silence, interruptible, live, placing
from cli.orders.trace import event_document, letter_document, tree
from cli.output import Output
from client.choreographed import ChoreographedStatus
from client.diagnosis.stuck import redrive_command
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
        orders.tell_outages(output.note)
        with placing(output, f"order {order.order_id}"):
            new = await orders.choreographed.place_patiently(orders.with_options(order, options))
        if not new:
            output.note(f"order {order.order_id} was placed before; it is not run again")
        if wait:
            await watch_choreographed(order.order_id, orders, output, placed_before=not new)
            return
        standing = await orders.choreographed.standing(order.order_id)
    output.answer(
        _document(standing, placed_before=not new), f"order {order.order_id} placed · {standing.result.total}"
    )


async def watch_choreographed(order_id: str, orders: OrdersClient, output: Output, *, placed_before: bool) -> None:
    """Follow an order until it ends or waits for an operator; raise CommandEnded when it did not complete."""
    name = ProcessName(ProcessKind.ORDER, order_id)
    progress = _Progress(output, name)
    line = f"{name} goes on; `python starter.py trace {name.argument}` shows it"
    with interruptible(output, line), live(output) as shown:

        def seen(now: ChoreographedStatus) -> None:
            shown(tree(now))
            progress.seen(now)

        standing = await orders.choreographed.follow(order_id, seen)
    # The command is no cell, so that no narrow terminal breaks it.
    lines: list[Any] = [render.result(standing.result)]
    lines += [redrive_command(letter.letter_id) for letter in standing.letters[:1]]
    output.answer(_document(standing, placed_before=placed_before), *lines)
    if standing.result.status is not Status.COMPLETED:
        raise CommandEnded(Code.NOT_COMPLETED)


class _Progress:
    """Writes a line for each event of an order where there is no live display, and notes when no event follows."""

    def __init__(self, output: Output, name: ProcessName) -> None:
        self._output, self._seen = output, set[str]()
        self._silence = Silence(output, f"{name} has no new event; unless a worker runs, `python worker.py` starts one")

    def seen(self, now: ChoreographedStatus) -> None:
        """Take note of the order's events."""
        new = [event for event in now.events if event.event_id not in self._seen]
        for event in new if not self._output.notes.is_terminal else ():
            self._output.note(f"{event.type}")
        self._silence.heard(answer=bool(new) or now.at_rest)
        self._seen |= {event.event_id for event in new}


def _document(standing: ChoreographedStatus, *, placed_before: bool) -> dict[str, Any]:
    return {
        **standing.result.model_dump(mode="json"),
        "style": Style.CHOREOGRAPHED,
        "placed_before": placed_before,
        "events": [event_document(event) for event in standing.events],
        "dead": [letter_document(letter) for letter in standing.letters],
    }
