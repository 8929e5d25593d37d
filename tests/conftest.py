"""Settings and fixtures of all tests, and the servers that all tests share."""

import asyncio
import functools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from inspect import iscoroutinefunction
from pathlib import Path

import pytest

from runtime.embedded.stack import Stack
from tests.servers import run_folder, shared_stack

TESTS = Path(__file__).parent
SECONDS_TO_CLEAN_UP = 60

# A shell starts background processes with SIGINT ignored, and child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder and the ports of the run's servers, once for all processes of the run."""
    if not hasattr(config, "workerinput"):
        cleanup = ExitStack()
        cleanup.enter_context(run_folder())
        config.add_cleanup(cleanup.close)


# The folders whose files take longest: they start first, and the quick files fill the gaps at the end. In all but the
# first, whose tests need another server, the files without the mark `server` are quick.
LONGEST_FIRST = ("temporal_saga", "orders", "participants", "upkeep", "benchmarks", "faults", "cli", "runtime")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by folder for `--dist loadfile`, which hands out whole files in this order; limit their time."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(TESTS).parts[0]
        slow = folder == LONGEST_FIRST[0] or item.get_closest_marker("server") is not None
        return LONGEST_FIRST.index(folder) if slow and folder in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)
    for item in items:
        if isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            _limit(item)


def _limit(item: pytest.Function) -> None:
    """End a stuck test from within the event loop, which would log what pytest-timeout's signal raises, and go on."""
    marker = item.get_closest_marker("timeout")
    seconds = float(marker.args[0] if marker else item.config.getini("timeout"))
    if seconds:
        item.obj = _within(seconds, item.obj)
        item.add_marker(pytest.mark.timeout(seconds + SECONDS_TO_CLEAN_UP), append=False)


def _within(seconds: float, test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def limited(*args: object, **kwargs: object) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return limited


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Stack]:
    """Yield the run's servers, which run as long as a process of the run uses them."""
    async with shared_stack() as stack:
        yield stack
