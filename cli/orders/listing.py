"""`list`: the orders that Temporal has, page by page."""

from typing import Annotated

import typer

from cli import render
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.advice import command
from client.state_store.listing import place_in
from models.moments import moment
from models.process import Status
from orders import connect

OfStatus = Annotated[Status | None, typer.Option("--status", help="Only orders with this status.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of orders.")]
After = Annotated[str | None, typer.Option(help="The `next` of the previous page.")]


def list_orders(status: OfStatus = None, limit: Limit = 20, after: After = None, as_json: AsJson = False) -> None:
    """List orders, newest first; with --status needs_attention, highest amount at risk first."""
    place_in(status, after)  # an invalid token is refused before a server is called
    run_to_end(_list(status, limit, after, Output(as_json)))


async def _list(status: Status | None, limit: int, after: str | None, output: Output) -> None:
    async with connect() as orders:
        page = await orders.list(status, limit, after)
    shown = render.table("order", "status", "started", "took", "at risk")
    for each in page.orders:
        at_risk = render.cell(f"{render.amount(each.at_risk)} {each.currency or ''}".strip())
        took = render.took(each.started_at, each.closed_at)
        shown.add_row(each.order_id, render.styled(each.status), moment(each.started_at), took, at_risk)
    document = {"orders": [vars(each) for each in page.orders], "next": page.following}
    output.answer(document, shown if page.orders else "no orders")
    if page.following:
        output.note(f"next page: {command('--after', page.following)}")
