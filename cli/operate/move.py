"""`move`: bind a database and a namespace to each other after a restore or a migration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.installation import may_migrate
from client.installation import move as bind_again
from client.upkeep import migrate
from models.errors import InvalidInput
from models.participants import Owner
from orders import open_unbound
from runtime.connection import connect, is_embedded
from runtime.databases import databases_of
from runtime.embedded.stack import embedded_stack
from runtime.settings import Settings

DatabaseName = Annotated[
    str, typer.Option("--database", metavar="NAME", help="The configured database, to confirm it.")
]
NamespaceName = Annotated[
    str, typer.Option("--namespace", metavar="NAME", help="The configured namespace, to confirm it.")
]
WithUnfinished = Annotated[
    bool,
    typer.Option(
        "--with-unfinished",
        help="Move although orders or slips are unfinished: the reconciler then completes or undoes those that have no "
        "workflow in this namespace. Only where they run nowhere else.",
    ),
]


MovedService = Annotated[
    Owner, typer.Option("--service", help="The service whose own database is moved. Default: that of the orders.")
]


def move(
    database: DatabaseName,
    namespace: NamespaceName,
    service: MovedService = "orders",
    with_unfinished: WithUnfinished = False,
    as_json: AsJson = False,
) -> None:
    """Bind the configured database and namespace to each other, although one of them belongs elsewhere.

    Stop all workers and relays first. Those of the earlier installation stop by themselves within half a minute.
    """
    run_to_end(_move(service, database, namespace, Output(as_json), with_unfinished=with_unfinished))


async def _move(owner: Owner, database: str, namespace: str, output: Output, *, with_unfinished: bool) -> None:
    settings = Settings.read()
    async with _servers(settings, output):
        urls = databases_of(settings)
        client = await connect(settings)
        if owner != "orders" and not urls.apart(owner):
            raise InvalidInput("--service", f"{owner} has no database of its own; move that of the orders without it")
        with urls.naming(owner):
            # `setup` leaves the schemas of another installation as they are.
            if await may_migrate(client, urls.of(owner), database=database, namespace=namespace):
                providers = {"card_provider": settings.card_provider, "carrier": settings.carrier}
                await migrate(urls.of(owner), lambda _: None, urls.group_of(owner), **providers)
        async with open_unbound(settings, owner) as (client, services):
            moved = await bind_again(
                client, services, owner, database=database, namespace=namespace, with_unfinished=with_unfinished
            )
    words = "belong to each other now" if moved else "belong to each other already; nothing was changed"
    document = {"database": database, "namespace": namespace, "moved": moved}
    output.answer(document, f"the database {database} and the namespace {namespace} {words}")


@asynccontextmanager
async def _servers(settings: Settings, output: Output) -> AsyncIterator[None]:
    """Hold the embedded servers, where they are used: `up` doesn't start on another installation's data."""
    if not is_embedded(settings):
        yield
        return
    async with embedded_stack(settings, output.note):
        yield
