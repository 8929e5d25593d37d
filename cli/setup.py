"""`setup`: make a server and a database ready for workers; safe to repeat."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from postgres.database import Database
from runtime.connection import database_of
from runtime.reconciling import schedule_reconciler
from runtime.search_attributes import create_search_attributes
from services import demo_articles, schemas

Catalogue = Annotated[bool, typer.Option("--catalogue", help="Load the demo catalogue too: articles, prices, stock.")]


def setup(with_catalogue: Catalogue = False, as_json: AsJson = False) -> None:
    """Apply the migrations, create the search attributes and schedule the reconciler, where the environment says."""
    run_to_end(_setup(Output(as_json), with_catalogue=with_catalogue))


async def _setup(output: Output, *, with_catalogue: bool) -> None:
    done = ["migrations", "search attributes", "reconciler"] + ["catalogue"] * with_catalogue
    async with session() as opened:
        await prepare(database_of(opened.settings), output.note, with_catalogue=with_catalogue)
        output.note("search attributes …")
        await create_search_attributes(await opened.client())
        output.note("reconciler …")
        await schedule_reconciler(await opened.client(), opened.settings.reconcile_seconds)
    output.answer({"done": done}, f"ready: {', '.join(done)}")


async def prepare(database_url: str, say: Callable[[str], None], *, with_catalogue: bool = True) -> None:
    """Bring a services' database up to date, with the demo catalogue unless it is not wanted."""
    say("migrations …")
    await asyncio.to_thread(schemas.migrate, database_url)
    if with_catalogue:
        say("catalogue …")
        async with await Database.open(database_url, size=1) as database:
            await demo_articles.load(database)
