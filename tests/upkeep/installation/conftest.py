"""Systems for tests of what belongs together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from postgres.database import Database
from runtime.embedded.stack import Stack
from tests.cli.conftest import Ran, run_here
from tests.servers import new_database, new_namespace
from tests.systems import POOL, System, open_system


@pytest.fixture(scope="module")
async def one(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture(scope="module")
async def other(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture
async def unbound(servers: Stack) -> AsyncIterator[System]:
    """Yield a system whose database and namespace are not bound."""
    own = replace(servers, database_url=new_database(servers.database_url))
    async with await Database.open(own.database_url, size=POOL) as db, open_system(servers) as template:
        settings = template.settings.model_copy(update={"database_url": own.database_url})
        system = System(settings, own, await new_namespace(servers), db)
        yield system
        await system.observer.close()


def crossed(one: System, other: System) -> System:
    """Return a system of one's database and the other's namespace."""
    return replace(one, client=other.client)


def names_both(line: str, one: System, other: System) -> bool:
    """Return whether a refusal names the database and both namespaces, or the namespace and both databases."""
    sides = [system.db.place for system in (one, other)], [system.client.namespace for system in (one, other)]
    return (all(name in line for name in sides[0]) and sides[1][1] in line) or (
        all(name in line for name in sides[1]) and sides[0][0] in line
    )


async def command(system: System, *arguments: str, stdin: bytes = b"") -> Ran:
    """Run a command of the starter on a system, in this process to save time."""
    return await asyncio.to_thread(run_here, system.environment(), *arguments, stdin=stdin)
