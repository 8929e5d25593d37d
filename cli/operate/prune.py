"""`prune`: delete receipts and personal data of orders and slips that ended long ago."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.upkeep import DAYS_AT_LEAST
from orders import connect

Days = Annotated[
    int,
    typer.Option(
        "--older-than", metavar="DAYS", min=DAYS_AT_LEAST, max=36_500, help="Minimum age, in days since the end."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them, delete nothing.")]


def prune(older_than: Days, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete receipts, stored states, addresses and tokens of old orders and slips; ids, outcomes and ledger stay."""
    run_to_end(_prune(older_than, dry_run, Output(as_json)))


async def _prune(days: int, dry_run: bool, output: Output) -> None:
    async with connect() as orders:
        pruned = await orders.prune(days, dry_run=dry_run)
    counts = f"{pruned.orders} orders and {pruned.slips} slips"
    if dry_run:
        output.answer({"orders": pruned.orders, "slips": pruned.slips, "dry_run": True}, f"{counts} would be pruned")
        return
    line = f"pruned {counts}: {pruned.receipts} receipts, {pruned.states} stored states"
    output.answer(vars(pruned) | {"dry_run": False}, line)
