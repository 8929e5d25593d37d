"""`setup`: prepare a Temporal server and a database for workers; safe to repeat."""

from collections.abc import Sequence
from typing import Annotated

import typer
from temporalio.client import Client

from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.installation import bind_database, refuse_another
from client.upkeep import load_catalogue, migrate
from models.errors import InvalidInput
from models.participants import OWNERS, Owner
from runtime.connection import connect
from runtime.databases import databases_of
from runtime.reconciling import schedule_reconciler
from runtime.search_attributes import create_search_attributes
from runtime.settings import Settings

Catalogue = Annotated[bool, typer.Option("--catalogue", help="Also load the demo catalogue: articles, prices, stock.")]


def setup(with_catalogue: Catalogue = False, as_json: AsJson = False) -> None:
    """Apply the migrations, bind database and namespace, create the search attributes and schedule the reconciler."""
    run_to_end(_setup(Output(as_json), with_catalogue=with_catalogue))


async def _setup(output: Output, *, with_catalogue: bool) -> None:
    settings = Settings.read()
    urls = databases_of(settings)
    known = [owner for owner in OWNERS if urls.known(owner)]
    if with_catalogue and not {"orders", "inventory"} & set(known):
        raise InvalidInput("--catalogue", f"has nothing for {' and '.join(known)}")
    client = await connect(settings)
    for owners in (group for group in urls.groups() if urls.known(group[0])):
        with urls.naming(owners[0]):
            await _prepare(client, urls.of(owners[0]), owners, settings, output, with_catalogue=with_catalogue)
    done = ["migrations", "installation"] + ["catalogue"] * with_catalogue
    if "orders" in known:
        output.note("creating the search attributes …")
        await create_search_attributes(client)
        output.note("scheduling the reconciler …")
        await schedule_reconciler(client, settings.reconcile_seconds)
        done[2:2] = ["search attributes", "reconciler"]
    document: dict[str, object] = {"done": done}
    line = f"ready: {', '.join(done)}"
    if len(known) < len(OWNERS):
        document, line = document | {"only": known}, f"{line}; only of {' and '.join(known)}, whose database is set"
    output.answer(document, line)


async def _prepare(
    client: Client, url: str, owners: Sequence[Owner], settings: Settings, output: Output, *, with_catalogue: bool
) -> None:
    """Prepare the database of these services."""
    await refuse_another(client, url, owners)  # before its schemas are changed
    await migrate(url, output.note, owners, card_provider=settings.card_provider, carrier=settings.carrier)
    output.note("binding the database and the namespace to each other …")
    await bind_database(client, url, owners)
    if with_catalogue:
        await load_catalogue(url, output.note, owners)
