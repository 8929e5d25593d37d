"""The servers and databases of a run: one database of all services, or one for each on a server of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from models.participants import OWNERS
from postgres.database import Database
from runtime.settings import Settings
from services.databases import Databases
from tests.gathered import gathered
from tests.servers import FOLDER, run_folder, started
from tests.systems import System, open_system
from tests.topologies import open_on_four_servers


@asynccontextmanager
async def opened(settings: Settings, *, apart: bool) -> AsyncIterator[System]:
    """Start the servers of a run, and yield a system on them without workers."""
    async with AsyncExitStack() as stack:
        if FOLDER not in os.environ:  # outside of pytest
            stack.enter_context(run_folder())
        servers = await stack.enter_async_context(started(settings))
        if apart:
            yield (await stack.enter_async_context(open_on_four_servers(servers))).system
        else:
            yield await stack.enter_async_context(open_system(servers))


@asynccontextmanager
async def connected(system: System, size: int) -> AsyncIterator[Databases]:
    """Yield the run's own connections to the databases."""
    async with AsyncExitStack() as stack:
        found: dict[str, Database] = {}
        for url in dict.fromkeys(map(system.urls.of, OWNERS)):
            found[url] = await stack.enter_async_context(await Database.open(url, size=size))
        yield Databases(**{owner: found[system.urls.of(owner)] for owner in OWNERS})


@asynccontextmanager
async def at_rest(system: System, databases: Databases) -> AsyncIterator[Database]:
    """Yield one database for the evidence of a system at rest: a copy, if there are several."""
    if databases.together:
        yield databases.orders
        return
    async with gathered(system.stack.database_url, system.urls) as copied:
        yield copied
