"""What holds for every test, and the servers that all of them share."""

import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from runtime.embedded.stack import Stack
from tests.servers import run_folder, shared_stack

# Where the tests were started in the background SIGINT is ignored, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's servers, once for all of its processes."""
    if not hasattr(config, "workerinput"):
        cleanup = ExitStack()
        cleanup.enter_context(run_folder())
        config.add_cleanup(cleanup.close)


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Stack]:
    """The run's servers, up for as long as a process of the run needs them."""
    async with shared_stack() as stack:
        yield stack
