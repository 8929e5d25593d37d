"""Fixtures of the order tests: a system with a worker in this process, and a system without a worker."""

from collections.abc import AsyncIterator

import pytest

from postgres.database import Database
from runtime.embedded.stack import Stack
from tests.conservation import assert_conserved
from tests.systems import System, open_system
from worker import orders_worker


@pytest.fixture(scope="session")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with (
        open_system(servers, workflow_sandbox=True) as system,
        orders_worker(system.client, system.stack.database_url, system.settings),
    ):
        yield system


@pytest.fixture
async def conserved(system: System) -> AsyncIterator[None]:
    """Check conservation after the test; other orders may still be running."""
    yield
    await assert_conserved(system.db, at_rest=False)


@pytest.fixture(scope="session")
async def idle_system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system without a worker, for tests that start, freeze and kill worker processes."""
    async with open_system(servers) as system:
        yield system
        async with await Database.open(
            system.stack.database_url
        ) as db:  # a killed server has closed the old connections
            await assert_conserved(db)
