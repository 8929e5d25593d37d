"""Settings and fixtures of all tests, and the servers that all tests share."""

import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from runtime.embedded.stack import Stack
from tests.servers import run_folder, shared_stack

# A shell starts background processes with SIGINT ignored, and child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder and the ports of the run's servers, once for all processes of the run."""
    if not hasattr(config, "workerinput"):
        cleanup = ExitStack()
        cleanup.enter_context(run_folder())
        config.add_cleanup(cleanup.close)


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Stack]:
    """Yield the run's servers, which run as long as a process of the run uses them."""
    async with shared_stack() as stack:
        yield stack
