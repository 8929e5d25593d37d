"""The options and arguments that several commands share."""

from typing import Annotated

import typer

from models.order import DEADLINE_AT_MOST
from models.process import Style

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; all else goes to stderr.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the order.")]
OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]
ProcessId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The order's id, or a slip as slip-ID; orders/ID, slips/ID mean one only."),
]
ChosenStyle = Annotated[Style, typer.Option(help="Led by a workflow, or by the events of the services.")]
Express = Annotated[
    bool | None,
    typer.Option(
        "--express/--no-express",
        help="Try each step inside the workflow task first: quicker, with the same guarantees; by default as the order "
        "says, else as ORDERS_EXPRESS does.",
        show_default=False,
    ),
]
Deadline = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        max=DEADLINE_AT_MOST,
        help="Undo the order when it isn't with the carrier by then; by default the order's own deadline_seconds, "
        "else ORDERS_DEADLINE_SECONDS.",
    ),
]
