"""`list`: the orders that Temporal knows, a page at a time."""

from typing import Annotated

import typer

from cli import render
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.state_store.listing import place_in
from models.process import Status
from orders import connect

OfStatus = Annotated[Status | None, typer.Option("--status", help="Only orders of this status.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
After = Annotated[str | None, typer.Option(help="Go on after a page: what that page gave as `next`.")]


def list_orders(status: OfStatus = None, limit: Limit = 20, after: After = None, as_json: AsJson = False) -> None:
    """List orders, newest first; those with --status needs_attention by the amount at risk, highest first."""
    place_in(status, after)  # a token that is none is refused before anything is asked of a server
    run_to_end(_list(status, limit, after, Output(as_json)))


async def _list(status: Status | None, limit: int, after: str | None, output: Output) -> None:
    async with connect() as orders:
        page = await orders.list(status, limit, after)
    shown = render.table("order", "status", "started", "took", "at risk")
    for each in page.orders:
        at_risk = render.cell(render.amount(each.at_risk))
        took = render.took(each.started_at, each.closed_at)
        shown.add_row(each.order_id, render.styled(each.status), render.moment(each.started_at), took, at_risk)
    document = {"orders": [vars(each) for each in page.orders], "next": page.following}
    output.answer(document, shown if page.orders else "no orders")
    if page.following:
        output.note(f"there are more: --after {page.following}")
