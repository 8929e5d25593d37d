"""`prune`: let go of what ended long ago, so that the tables that only grow don't."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from services.retention import DAYS_AT_LEAST, Retention

Days = Annotated[
    int,
    typer.Option(
        "--older-than", metavar="DAYS", min=DAYS_AT_LEAST, max=36_500, help="Of orders that ended this long ago."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them.")]


def prune(older_than: Days, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete the receipts, kept steps, addresses and tokens of old orders; ids, outcomes and books stay for ever."""
    run_to_end(_prune(older_than, dry_run, Output(as_json)))


async def _prune(days: int, dry_run: bool, output: Output) -> None:
    async with session() as opened:
        retention = Retention(await opened.database())
        if dry_run:
            count = await retention.count(days)
            output.answer({"orders": count, "dry_run": True}, f"{count} orders would be pruned")
            return
        pruned = await retention.prune(days)
    told = f"pruned {pruned.orders} orders: {pruned.receipts} receipts, {pruned.states} kept states"
    output.answer(vars(pruned) | {"dry_run": False}, told)
