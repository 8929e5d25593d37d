"""`place`: place an order from a file and follow its steps."""

from typing import Annotated, Any

import typer

from cli import intake, render
from cli.exits import Code, CommandEnded
from cli.live import following, placing
from cli.options import AsJson, ChosenStyle, Deadline, Express
from cli.orders.choreographed import place_choreographed, refuse_for_choreographed
from cli.output import Output
from cli.run import run_to_end
from client.diagnosis.waiting import help_of
from client.orders import OrdersClient
from client.placing import Placed, RunOptions
from client.progress import Outcome
from models import names
from models.commands import OUTCOME_WAIT_AT_MOST
from models.order import Order
from models.process import OrderResult, Status, Style
from orders import connect

Document = Annotated[str, typer.Argument(metavar="FILE", help="A file with one order in JSON, or - for stdin.")]
Within = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        max=OUTCOME_WAIT_AT_MOST,
        help="Place the order and wait this long for its outcome, in one call; exit code 0 if it still runs then.",
    ),
]
Wait = Annotated[bool, typer.Option(help="Wait until the order ends or waits, and show its steps live.")]


def place(  # noqa: PLR0917 - one parameter for each option
    document: Document,
    wait: Wait = True,
    deadline: Deadline = None,
    express: Express = None,
    within: Within = None,
    style: ChosenStyle = Style.ORCHESTRATED,
    as_json: AsJson = False,
) -> None:
    """Place an order, at most once per id; exit code 0 when it completes or waits for a transfer, otherwise 3."""
    order, options, output = intake.read_order(document), RunOptions(deadline, express), Output(as_json)
    if style is Style.CHOREOGRAPHED:
        refuse_for_choreographed(express, within)
        run_to_end(place_choreographed(order, options, output, wait=wait))
    elif within:
        run_to_end(_place_within(order, options, within, output))
    else:
        run_to_end(_place(order, options, wait, output))


async def _place(order: Order, options: RunOptions, wait: bool, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        with placing(output, f"order {order.order_id}"):
            placed = await orders.place_patiently(order, options)
        if placed.again:
            output.note(f"order {placed.order_id} was placed before; it is not run again")
        if not wait:
            output.answer(_started(placed), f"order {placed.order_id} placed · {placed.total}")
            return
        await watch_to_end(placed, orders, output)


async def _place_within(order: Order, options: RunOptions, seconds: float, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        with placing(output, f"order {order.order_id}"):
            placed, result = await orders.place_within(order, seconds, options)
    output.answer({**_started(placed), **result.model_dump(mode="json")}, render.result(result))
    if result.status not in {Status.COMPLETED, Status.WAITING, Status.RUNNING}:
        raise CommandEnded(Code.NOT_COMPLETED)


async def watch_to_end(placed: Placed, orders: OrdersClient, output: Output) -> None:
    """Follow an order until it ends or waits, live on a terminal; raise CommandEnded when it did not complete."""
    name = names.ProcessName(names.ProcessKind.ORDER, placed.order_id)
    with following(output, str(name), f"watch {name.argument}") as seen:
        outcome = await orders.follow(placed, seen)
    helps = help_of(name, outcome.state) if outcome.state else None
    lines: list[Any] = [render.result(outcome.result), *([helps] if helps else [])]
    output.answer(_document(placed, outcome) | ({"help_command": helps} if helps else {}), *lines)
    if outcome.result.status not in {Status.COMPLETED, Status.WAITING}:
        raise CommandEnded(Code.NOT_COMPLETED)


def _started(placed: Placed) -> dict[str, Any]:
    known = placed.run.known
    return {
        "order_id": placed.order_id,
        "workflow_id": names.workflow_id(placed.order_id),
        "run_id": None if known else placed.run.handle.first_execution_run_id,
        "status": known.status if known else Status.RUNNING,
        "total": placed.total,
        "placed_before": placed.again,
    }


def _document(placed: Placed, outcome: Outcome[OrderResult]) -> dict[str, Any]:
    steps = outcome.state.history if outcome.state else ()
    return {**_started(placed), **outcome.result.model_dump(mode="json"), "steps": steps}
