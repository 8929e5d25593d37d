"""Fixtures of the runtime tests: settings and embedded stacks in separate folders."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from runtime.embedded.stack import Stack, embedded_stack
from runtime.settings import Settings
from tests.runtime.stacks import settings_for
from tests.servers import with_empty_cluster


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("ORDERS_", "TEMPORAL_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)


def fresh_folder() -> Iterator[Path]:
    """Yield a folder with a short path that another user can traverse, unlike pytest's own folders."""
    path = Path(tempfile.mkdtemp(prefix="orders-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Yield settings for a separate stack, which does not run yet."""
    for folder in fresh_folder():
        yield with_empty_cluster(settings_for(folder))


@pytest.fixture(scope="module")
def running_settings() -> Iterator[Settings]:
    """Yield the settings of the stack that a module's tests share."""
    for folder in fresh_folder():
        yield with_empty_cluster(settings_for(folder))


@pytest.fixture(scope="module")
async def stack(running_settings: Settings) -> AsyncIterator[Stack]:
    async with embedded_stack(running_settings) as stack:
        yield stack
