"""The commands while the servers run without a worker."""

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
    """Yield the environment of a system without a worker."""
    async with open_system(servers) as system:
        yield system.environment()


async def test_an_order_waits_for_a_worker(idle: Environment, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_bytes(as_bytes(order_document("o-idle")))

    placing = await in_thread(interrupted_after, idle, "waiting for a worker", str(tmp_path / "order.json"))

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
    cancel = ("cancel", "o-idle", "--reason", "no longer needed")
    # Concurrently, because each command waits for its timeout.
    commands = (within, resolve, cancel, ("plan", "o-idle"))
    for ran in await asyncio.gather(*(in_thread(run_starter, idle, *command) for command in commands)):
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1)
        assert "no worker answers" in ran.err


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a blocking command in a thread, because the event loop of the test supervises the stack."""
    return await asyncio.to_thread(work, *arguments)


def interrupted_after(environment: Environment, text: str, path: str) -> int:
    """Place an order on a terminal, send Ctrl-C once the command prints `text`, and return the exit code."""
    terminal, command_side = pty.openpty()
    placing = subprocess.Popen(
        [sys.executable, "starter.py", "place", path],
        cwd=PROJECT,
        env=environment,
        stdout=command_side,
        stderr=command_side,
    )
    with open(terminal, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
        seen = b""
        while text.encode() not in seen:
            seen += screen.read(4096)
        placing.send_signal(signal.SIGINT)
        code = placing.wait(30)
    os.close(command_side)
    return code
