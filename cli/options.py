"""The options and arguments that several commands share."""

from typing import Annotated

import typer

from models.order import DEADLINE_AT_MOST
from models.process import Style

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; notes go to stderr.")]
Reason = Annotated[str, typer.Option(help="The reason; it is stored with the process.")]
Actor = Annotated[str | None, typer.Option(help="The person who decides. Default: the user who is logged in.")]
OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order: its id, order-ID or orders/ID.")]
SlipId = Annotated[str, typer.Argument(metavar="ID", help="The slip: its id, slip-ID or slips/ID.")]
ProcessId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The id of an order or a slip, also as order-ID or slip-ID; orders/ID and slips/ID are never ambiguous.",
    ),
]
ChosenStyle = Annotated[Style, typer.Option(help="Run by a workflow, or by the events of the services.")]
Express = Annotated[
    bool | None,
    typer.Option(
        "--express/--no-express",
        help="Try each step inside the workflow task first: lower latency, same guarantees. Default: the order's own "
        "express, else ORDERS_EXPRESS.",
        show_default=False,
    ),
]
Deadline = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        max=DEADLINE_AT_MOST,
        help="Undo the order when the carrier doesn't have it by then. Default: the order's own deadline_seconds, "
        "else ORDERS_DEADLINE_SECONDS.",
    ),
]
