"""A system for the session, with a worker in this process; and one whose workers are processes of the tests."""

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
    """After the test, nothing was created and nothing was lost; other orders may still be on their way."""
    yield
    await assert_conserved(system.db, at_rest=False)


@pytest.fixture(scope="session")
async def lonely(servers: Stack) -> AsyncIterator[System]:
    """A system whose workers are processes that the tests start, freeze and kill."""
    async with open_system(servers) as system:
        yield system
        async with await Database.open(system.stack.database_url) as db:  # its connections survived no kill
            await assert_conserved(db)
