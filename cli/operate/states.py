"""`find` and `rebuild`: query and rebuild the process state store."""

from typing import Annotated

import typer

from cli import intake, render
from cli.exits import Code, CommandEnded
from cli.live import EXAMINING, noted
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.advice import command
from models.moments import moment
from models.process import Status
from orders import connect

OfStatus = Annotated[Status, typer.Argument(metavar="STATUS", help=f"One of {', '.join(Status)}.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of orders.")]
After = Annotated[str | None, typer.Option(help="The `next` of the previous page.")]
Drop = Annotated[bool, typer.Option("--drop", help="Empty it first; steps that Temporal no longer has are lost.")]


def find(status: OfStatus, limit: Limit = 20, after: After = None, as_json: AsJson = False) -> None:
    """Find orders by status, also those that Temporal has deleted after its retention."""
    if after and status.final:
        intake.order_id(after, "--after")
    run_to_end(_find(status, limit, after, Output(as_json)))


async def _find(status: Status, limit: int, after: str | None, output: Output) -> None:
    async with connect() as orders:
        page = await orders.states.find_by_status(status, limit, after)
    shown = render.table("order", "started")
    for each in page.found:
        shown.add_row(each.order_id, moment(each.started_at))
    found = [vars(each) for each in page.found]
    output.answer({"status": status, "found": found, "next": page.following}, shown if found else f"no {status} order")
    if page.following:
        output.note(f"next page: {command('--after', page.following)}")


def rebuild(drop: Drop = False, as_json: AsJson = False) -> None:
    """Update the read model of process states from Temporal; safe to repeat. Exit code 3 when it skipped orders."""
    run_to_end(_rebuild(drop, Output(as_json)))


async def _rebuild(drop: bool, output: Output) -> None:
    async with connect() as orders:
        with noted(output, EXAMINING):
            rebuilt = await orders.states.rebuild(drop=drop)
    counts = f"{rebuilt.from_temporal} states from Temporal, {rebuilt.from_orders} outcomes from the orders table"
    output.answer(vars(rebuilt), f"stored {counts}")
    for order_id, why in rebuilt.skipped.items():
        output.note(f"skipped {order_id}: {why}")
    if rebuilt.skipped:
        raise CommandEnded(Code.NOT_COMPLETED)
