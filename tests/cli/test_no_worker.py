"""The commands while the servers run without a worker."""

import asyncio
import json
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

    code, screen = await in_thread(
        interrupted_after, idle, "waiting for a worker", "place", str(tmp_path / "order.json")
    )

    assert code == 130
    assert "order o-idle goes on; `python starter.py watch o-idle` follows it" in screen
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
    for ran in await asyncio.gather(*(in_thread(connected, idle, *command) for command in commands)):
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1)
        assert "no worker answers" in ran.err


def connected(environment: Environment, *command: str) -> Any:
    """Run a command; again, if a busy server broke its connection, which it reports as an outage of Temporal."""
    while "http2 error" in (ran := run_starter(environment, *command)).err:
        assert ran.code == 4
    return ran


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a blocking command in a thread, because the event loop of the test supervises the stack."""
    return await asyncio.to_thread(work, *arguments)


def interrupted_after(environment: Environment, text: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal, send Ctrl-C once it prints `text`; return the exit code and what it printed."""
    screen, command_side = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "starter.py", *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=command_side,
        stderr=command_side,
    )
    seen = b""
    while text.encode() not in seen:
        seen += os.read(screen, 4096)
    running.send_signal(signal.SIGINT)
    code = running.wait(60)
    os.set_blocking(screen, False)
    while True:
        try:
            seen += os.read(screen, 4096)
        except BlockingIOError:
            break
    os.close(screen)
    os.close(command_side)
    return code, " ".join(seen.decode().split())


def documents(folder: Path) -> tuple[str, str]:
    """Return a file with an order and one with a slip."""
    order, slip = folder / "order.json", folder / "slip.json"
    order.write_bytes(as_bytes(order_document("o-quiet")))
    itinerary = json.loads((PROJECT / "itineraries" / "digital-goods.json").read_text())
    slip.write_bytes(as_bytes(itinerary | {"slip_id": "s-quiet"}))
    return str(order), str(slip)


def quiet_commands(order: str, slip: str) -> dict[tuple[str, ...], str]:
    """Return each command that waits, and what it says after Ctrl-C."""
    return {
        ("place", order): "order o-quiet goes on; `python starter.py watch o-quiet` follows it",
        ("slip", slip): "slip s-quiet goes on; `python starter.py watch slips/s-quiet` follows it",
        ("batch", "2", "--name", "quiet"): "the placed orders go on; the same command with --name quiet continues",
    }


async def test_without_a_terminal_a_command_says_that_no_worker_answers_and_how_what_it_placed_goes_on(
    idle: Environment, tmp_path: Path
) -> None:
    commands = quiet_commands(*documents(tmp_path))

    noted = await asyncio.gather(*(in_thread(interrupted_after_note, idle, *command) for command in commands))

    for says, (code, err) in zip(commands.values(), noted, strict=True):
        assert code == 130
        assert says in err
        assert "no worker answers; `python worker.py` starts one" in err
    code, err = await in_thread(interrupted_after_note, idle, "watch", "s-quiet")
    assert (code, commands["slip", str(tmp_path / "slip.json")] in err) == (130, True)


async def test_a_choreographed_order_without_a_worker_says_so_too(idle: Environment, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_bytes(as_bytes(order_document("o-events")))
    place = ("place", "--style", "choreographed", str(tmp_path / "order.json"))

    code, err = await in_thread(interrupted_after_note, idle, *place)

    assert code == 130
    assert "order o-events has no new event" in err
    assert "order o-events goes on; `python starter.py trace o-events` shows it" in err


def interrupted_after_note(environment: Environment, *arguments: str) -> tuple[int, str]:
    """Run a command without a terminal, send Ctrl-C after its first note about workers; return its code and stderr."""
    command, seen = [sys.executable, "starter.py", *arguments], []
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        for line in running.stderr:
            seen.append(line)
            if "`python worker.py`" in line:
                running.send_signal(signal.SIGINT)
        return running.wait(60), "".join(seen)
