"""What makes a database ready, and what prunes it."""

import asyncio
from collections.abc import Callable

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from client.connection import Connection
from models.errors import InvalidInput
from postgres.database import Database
from services import demo_articles, schemas
from services.retention import DAYS_AT_LEAST, Pruned

__all__ = ["DAYS_AT_LEAST", "Pruned", "prepare", "prune"]


async def prepare(database_url: str, say: Callable[[str], None], *, with_catalogue: bool = True) -> None:
    """Bring a services' database up to date, with the demo catalogue unless it is not wanted; raise Unavailable."""
    say("migrations …")
    await asyncio.to_thread(schemas.migrate, database_url)
    if with_catalogue:
        say("catalogue …")
        async with await Database.open(database_url, size=1) as database:
            await demo_articles.load(database)


async def prune(connection: Connection, days: int, *, dry_run: bool) -> Pruned:
    """Prune what ended so many days ago, or only count it; raise InvalidInput, Unavailable.

    What Temporal still keeps could be reset, and would run once more: it is not pruned.
    """
    client = await connection.temporal()
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta().days
    if days <= kept:
        problem = f"must be more than the {kept} days for which Temporal keeps a run, which could still be reset"
        raise InvalidInput("--older-than", problem)
    retention = (await connection.services()).retention
    return await (retention.count(days) if dry_run else retention.prune(days))
