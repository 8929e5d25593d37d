"""`setup`: prepare a Temporal server and a database for workers; safe to repeat."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.installation import bind_database, refuse_another
from client.upkeep import load_catalogue, migrate
from runtime.connection import connect, database_of
from runtime.reconciling import schedule_reconciler
from runtime.search_attributes import create_search_attributes
from runtime.settings import Settings

Catalogue = Annotated[bool, typer.Option("--catalogue", help="Also load the demo catalogue: articles, prices, stock.")]


def setup(with_catalogue: Catalogue = False, as_json: AsJson = False) -> None:
    """Apply the migrations, bind database and namespace, create the search attributes and schedule the reconciler."""
    run_to_end(_setup(Output(as_json), with_catalogue=with_catalogue))


async def _setup(output: Output, *, with_catalogue: bool) -> None:
    done = ["migrations", "installation", "search attributes", "reconciler"] + ["catalogue"] * with_catalogue
    settings = Settings.read()
    url = database_of(settings)
    client = await connect(settings)
    await refuse_another(client, url)  # before its schemas are changed
    await migrate(url, output.note)
    output.note("binding the database and the namespace to each other …")
    await bind_database(client, url)
    if with_catalogue:
        await load_catalogue(url, output.note)
    output.note("creating the search attributes …")
    await create_search_attributes(client)
    output.note("scheduling the reconciler …")
    await schedule_reconciler(client, settings.reconcile_seconds)
    output.answer({"done": done}, f"ready: {', '.join(done)}")
