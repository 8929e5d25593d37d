"""`setup`: prepare a Temporal server and a database for workers; safe to repeat."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.upkeep import prepare
from orders import connect
from runtime.connection import database_of
from runtime.reconciling import schedule_reconciler
from runtime.search_attributes import create_search_attributes
from runtime.settings import Settings

Catalogue = Annotated[bool, typer.Option("--catalogue", help="Also load the demo catalogue: articles, prices, stock.")]


def setup(with_catalogue: Catalogue = False, as_json: AsJson = False) -> None:
    """Apply the migrations, create the search attributes and schedule the reconciler, on the configured servers."""
    run_to_end(_setup(Output(as_json), with_catalogue=with_catalogue))


async def _setup(output: Output, *, with_catalogue: bool) -> None:
    done = ["migrations", "search attributes", "reconciler"] + ["catalogue"] * with_catalogue
    settings = Settings.read()
    async with connect(settings) as orders:
        await prepare(database_of(settings), output.note, with_catalogue=with_catalogue)
        client = await orders.connection.temporal()
        output.note("creating the search attributes …")
        await create_search_attributes(client)
        output.note("scheduling the reconciler …")
        await schedule_reconciler(client, settings.reconcile_seconds)
    output.answer({"done": done}, f"ready: {', '.join(done)}")
