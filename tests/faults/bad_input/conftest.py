"""One running system for all bad input: real servers, and a worker whose workflows run in the SDK's sandbox."""

import asyncio
import signal
from collections.abc import Iterator

import psycopg
import pytest

from runtime.connection import connect
from runtime.embedded.stack import running_stack
from runtime.settings import Settings
from tests.cli.conftest import clean_environment, free_port, started_up
from tests.faults.bad_input.fuzzing import EXAMPLES
from tests.faults.bad_input.target import Target, put_in_place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for many examples waits for them."""
    for item in items if EXAMPLES else ():
        item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A system with an order in every standing, at rest."""
    environment = clean_environment(
        ORDERS_DATA_DIR=str(tmp_path_factory.mktemp("bad-input") / "data"),
        ORDERS_TEMPORAL_PORT=str(free_port()),
        ORDERS_UI_PORT=str(free_port()),
        ORDERS_WORKFLOW_SANDBOX="true",
        COLUMNS="200",
    )
    settings = Settings.read(environment)
    log = tmp_path_factory.mktemp("up") / "log"
    with log.open("wb") as err, started_up(environment, err) as up:
        stack = running_stack(settings.data_dir)
        assert stack
        with asyncio.Runner() as runner, psycopg.connect(stack.database_url, autocommit=True) as connection:
            try:
                client = runner.run(connect(settings, address=stack.temporal_address))
                target = Target(environment, client, runner, connection)
                put_in_place(target)
                target.changed_on_purpose()
                yield target
            finally:
                up.send_signal(signal.SIGINT)
        assert up.wait(60) == 130, log.read_text()
