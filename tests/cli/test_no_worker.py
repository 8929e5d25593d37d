"""The commands while the servers run and no worker does."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.embedded.stack import Stack
from tests.cli.conftest import PROJECT, as_bytes, order_document, run_starter
from tests.systems import Environment, open_system

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
async def idle(servers: Stack) -> AsyncIterator[Environment]:
    """The environment of a system without a worker."""
    async with open_system(servers) as system:
        yield system.environment()


async def test_an_order_waits_for_a_worker(idle: Environment, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_bytes(as_bytes(order_document("o-idle")))

    placing = await in_thread(interrupted_once_it_says, idle, "waiting for a worker", str(tmp_path / "order.json"))

    assert placing == 130
    status = await in_thread(run_starter, idle, "status", "o-idle", "--json")
    assert status.code == 0
    assert status.document["status"] == "running"
    assert status.document["total"] == {"amount": 4970, "currency": "EUR"}
    assert status.document["state"] is None
    assert "no worker answers" in status.err
    history = await in_thread(run_starter, idle, "history", "o-idle", "--json")
    assert (history.code, history.document["activities"], history.document["decisions"]) == (0, [], None)
    assert "the operators' decisions are unknown" in history.err
    within = ("place", str(tmp_path / "order.json"), "--within", "1")
    resolve = ("resolve", "o-idle", "charge", "retry", "--actor", "a", "--reason", "r")
    cancel = ("cancel", "o-idle", "--reason", "nobody came")
    # All at once: each of them is patient.
    commands = (within, resolve, cancel, ("plan", "o-idle"))
    for asked in await asyncio.gather(*(in_thread(run_starter, idle, *command) for command in commands)):
        assert (asked.code, asked.out, asked.err.count("\n")) == (4, "", 1)
        assert "no worker answers" in asked.err


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """The stack is watched by this loop, which a command must not hold up."""
    return await asyncio.to_thread(work, *arguments)


def interrupted_once_it_says(environment: Environment, said: str, path: str) -> int:
    """Place an order on a terminal, press Ctrl-C once it says this, and return the exit code."""

    ours, theirs = pty.openpty()
    placing = subprocess.Popen(
        [sys.executable, "starter.py", "place", path], cwd=PROJECT, env=environment, stdout=theirs, stderr=theirs
    )
    with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
        seen = b""
        while said.encode() not in seen:
            seen += screen.read(4096)
        placing.send_signal(signal.SIGINT)
        code = placing.wait(30)
    os.close(theirs)
    return code
