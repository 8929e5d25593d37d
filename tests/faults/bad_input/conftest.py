"""A running system for all bad input: real servers, and a worker that runs its workflows in the SDK's sandbox."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from temporalio.client import Client

from runtime.connection import connect
from runtime.embedded.stack import Stack
from runtime.settings import Settings
from tests.cli.conftest import worker_process
from tests.faults.bad_input.generated.fuzzing import EXAMPLES
from tests.faults.bad_input.target import Target, put_in_place
from tests.systems import System, open_system


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remove the timeout when FUZZ_EXAMPLES asks for many examples."""
    for item in items if EXAMPLES else ():
        item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
async def bad_input_system(servers: Stack) -> AsyncIterator[System]:
    """Return a system with a worker process."""
    async with open_system(servers) as opened:
        with worker_process(opened.environment(ORDERS_WORKFLOW_SANDBOX="true")):
            yield opened


@pytest.fixture(scope="session")
def target(bad_input_system: System) -> Iterator[Target]:
    """Return a system with a completed, a waiting and a parked order, at rest."""
    environment = bad_input_system.environment()
    url, address = environment["DATABASE_URL"], environment["TEMPORAL_ADDRESS"]
    with asyncio.Runner() as runner, psycopg.connect(url, autocommit=True) as connection:
        plain = runner.run(connect(Settings(), address=address))
        namespace = bad_input_system.client.namespace
        client = Client(plain.service_client, namespace=namespace, data_converter=plain.data_converter)
        target = Target(environment, client, runner, connection)
        put_in_place(target)
        target.changed_on_purpose()
        yield target
