"""Prepare a database, and prune it."""

import asyncio
from collections.abc import Callable

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from client.connection import Connection
from models.errors import InvalidInput
from postgres.database import Database
from services import demo_articles, schemas
from services.retention import DAYS_AT_LEAST, Pruned

__all__ = ["DAYS_AT_LEAST", "Pruned", "load_catalogue", "migrate", "prune"]


async def migrate(database_url: str, report: Callable[[str], None]) -> None:
    """Migrate the database of the services; `report` gets progress. Raise InvalidInput, Final, Unavailable."""
    report("applying migrations …")
    await asyncio.to_thread(schemas.migrate, database_url)


async def load_catalogue(database_url: str, report: Callable[[str], None]) -> None:
    """Load the demo catalogue; `report` gets progress. Raise Unavailable."""
    report("loading the demo catalogue …")
    async with await Database.open(database_url, size=1) as database:
        await demo_articles.load(database)


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
