"""`place`: one order, from a file to its end, with its steps on the way."""

from typing import Annotated, Any

import typer
from rich.live import Live

from cli import intake, render
from cli.choreographed import Style, place_choreographed, refuse_for_choreographed
from cli.exits import Code, Ended
from cli.following import Outcome, follow
from cli.options import AsJson, Deadline, Express
from cli.output import Output
from cli.placing import Placed, Wishes
from cli.placing import place as place_order
from cli.placing_within import place_within
from cli.running import run_to_end
from cli.session import session
from models import names
from models.commands import PATIENCE_AT_MOST
from models.order import Order
from models.process import ProcessState, Status
from models.process import Style as How
from services.orders.orders import Orders

Document = Annotated[str, typer.Argument(metavar="FILE", help="A file with one order in JSON, or - for stdin.")]
Within = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        max=PATIENCE_AT_MOST,
        help="Place it and wait at most this long for the outcome, in one call; exit code 0 also when it still runs.",
    ),
]
Wait = Annotated[bool, typer.Option(help="Wait until the order ends, and show its steps live.")]


def place(  # noqa: PLR0917 - one parameter for each option
    document: Document,
    wait: Wait = True,
    deadline: Deadline = None,
    express: Express = None,
    within: Within = None,
    style: Style = How.ORCHESTRATED,
    as_json: AsJson = False,
) -> None:
    """Place an order: exit code 0 when it completes or waits for a transfer, 3 when not; it is never run twice."""
    order = intake.read_order(document)
    if style is How.CHOREOGRAPHED:
        refuse_for_choreographed(express, within)
        run_to_end(place_choreographed(order, Wishes(deadline), Output(as_json), wait=wait))
        return
    if within:
        run_to_end(_place_within(order, Wishes(deadline, express), within, Output(as_json)))
        return
    run_to_end(_place(order, Wishes(deadline, express), wait, Output(as_json)))


async def _place(order: Order, wishes: Wishes, wait: bool, output: Output) -> None:
    async with session() as opened:
        order = wishes.on(order, opened.settings)
        client = await opened.client()
        orders = await opened.orders()
        placed = await place_order(order, client, orders)
        if placed.again:
            output.note(f"order {placed.order_id} was placed before: it is not run again")
        if not wait:
            output.answer(_started(placed), f"order {placed.order_id} placed · {placed.total}")
            return
        await watch_to_end(placed, orders, output)


async def _place_within(order: Order, wishes: Wishes, seconds: float, output: Output) -> None:
    async with session() as opened:
        order = wishes.on(order, opened.settings)
        client, orders = await opened.client(), await opened.orders()
        placed, result = await place_within(order, client, orders, seconds)
    output.answer({**_started(placed), **result.model_dump(mode="json")}, render.result(result))
    if result.status not in {Status.COMPLETED, Status.WAITING, Status.RUNNING}:
        raise Ended(Code.NOT_COMPLETED)


async def watch_to_end(placed: Placed, orders: Orders, output: Output) -> None:
    """Follow the order until it ends or waits, live on a terminal; raise Ended unless it completed or may still."""
    outcome = await _watched(placed, orders, output)
    output.answer(_document(placed, outcome), render.result(outcome.result))
    if outcome.result.status not in {Status.COMPLETED, Status.WAITING}:
        raise Ended(Code.NOT_COMPLETED)


async def _watched(placed: Placed, orders: Orders, output: Output) -> Outcome:
    try:
        with Live(console=output.notes, auto_refresh=False) as display:

            def seen(state: ProcessState | None) -> None:
                display.update(render.live(placed.order_id, state), refresh=True)

            return await follow(placed, orders, seen)
    finally:
        if not output.notes.is_terminal:  # where nothing moves, the display leaves its last line open
            output.notes.line()


def _started(placed: Placed) -> dict[str, Any]:
    handle = placed.handle
    return {
        "order_id": placed.order_id,
        "workflow_id": names.workflow_id(placed.order_id),
        "run_id": handle.first_execution_run_id if handle else None,
        "status": placed.ended.status if placed.ended else Status.RUNNING,
        "total": placed.total,
        "placed_before": placed.again,
    }


def _document(placed: Placed, outcome: Outcome) -> dict[str, Any]:
    steps = outcome.state.history if outcome.state else ()
    return {**_started(placed), **outcome.result.model_dump(mode="json"), "steps": steps}
