"""Prepare a database, and prune it."""

import asyncio
from collections.abc import Callable, Collection

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from client.connection import Connection
from models.errors import InvalidInput
from models.participants import OWNERS, Owner
from postgres.database import Database
from services import demo_articles, schemas
from services.retention import DAYS_AT_LEAST, Pruned

__all__ = ["DAYS_AT_LEAST", "Pruned", "load_catalogue", "migrate", "prune"]


async def migrate(
    database_url: str, report: Callable[[str], None], owners: Collection[Owner] = OWNERS, **providers: str
) -> None:
    """Migrate the schemas of these services; `report` gets progress. Raise InvalidInput, Final, Unavailable.

    `providers` are the names of `card_provider` and `carrier`: the simulated ones have schemas, too.
    """
    report("applying migrations …")
    await asyncio.to_thread(schemas.migrate, database_url, schemas.names_of(owners, **providers))


async def load_catalogue(database_url: str, report: Callable[[str], None], owners: Collection[Owner] = OWNERS) -> None:
    """Load the demo catalogue, as far as it belongs to these services; `report` gets progress. Raise Unavailable."""
    loads = {"orders": demo_articles.load_prices, "inventory": demo_articles.load_stock}
    if not (wanted := [load for owner, load in loads.items() if owner in owners]):
        return
    report("loading the demo catalogue …")
    async with await Database.open(database_url, size=1) as database:
        for load in wanted:
            await load(database)


async def prune(connection: Connection, days: int, *, dry_run: bool) -> Pruned:
    """Prune the orders and slips that ended more than `days` days ago, or count them; raise InvalidInput, Unavailable.

    `days` must exceed the retention of Temporal's namespace: a run that Temporal keeps could be reset and run again.
    """
    client = await connection.temporal()
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta().days
    if days <= kept:
        problem = f"must be more than {kept} days: Temporal keeps ended runs that long, and they can be reset"
        raise InvalidInput("--older-than", problem)
    retention = (await connection.services()).retention
    return await (retention.count(days) if dry_run else retention.prune(days))
