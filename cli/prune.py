"""`prune`: let go of what ended long ago, so that the tables that only grow don't."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from models.errors import InvalidInput
from runtime.connection import retention_of
from services.retention import DAYS_AT_LEAST, Retention

Days = Annotated[
    int,
    typer.Option("--older-than", metavar="DAYS", min=DAYS_AT_LEAST, max=36_500, help="What ended this long ago."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them.")]


def prune(older_than: Days, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete receipts, kept steps, addresses and tokens of old orders and slips; ids, outcomes and books stay."""
    run_to_end(_prune(older_than, dry_run, Output(as_json)))


async def _prune(days: int, dry_run: bool, output: Output) -> None:
    async with session() as opened:
        kept = (await retention_of(await opened.client())).days
        if days <= kept:
            problem = f"must be more than the {kept} days for which Temporal keeps a run, which could still be reset"
            raise InvalidInput("--older-than", problem)
        retention = Retention(await opened.database())
        pruned = await (retention.count(days) if dry_run else retention.prune(days))
    words = f"{pruned.orders} orders and {pruned.slips} slips"
    if dry_run:
        output.answer({"orders": pruned.orders, "slips": pruned.slips, "dry_run": True}, f"{words} would be pruned")
        return
    told = f"pruned {words}: {pruned.receipts} receipts, {pruned.states} kept states"
    output.answer(vars(pruned) | {"dry_run": False}, told)
