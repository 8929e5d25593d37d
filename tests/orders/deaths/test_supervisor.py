"""`worker.py --processes N`: the supervisor restarts dead processes, drains on a signal and leaves no process."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import psutil
import pytest

from tests.orders.deaths.test_kills import PROJECT, blocked, until_blocked
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
KILLED_BY_SECOND_SIGNAL = 128 + signal.SIGTERM


@contextmanager
def supervisor(system: System, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `python worker.py` with arguments, and kill the supervisor and its processes at the end of the block."""
    environ = system.environment(ORDERS_LOG_LEVEL="warning")
    command = [sys.executable, "worker.py", *arguments]
    with subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            for each in [*children(process), psutil.Process(process.pid)] if process.poll() is None else []:
                each.kill()


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children() if process.poll() is None else []


async def happens(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_dead_process_is_restarted_and_its_orders_continue(idle_system: System) -> None:
    with supervisor(idle_system, "--processes", "2") as supervised:
        await happens(lambda: len(children(supervised)) == 2)
        before = {child.pid for child in children(supervised)}
        async with blocked(idle_system, "payments.receipts"):
            handle = await idle_system.start(Scenario("supervised").order())
            await until_blocked(idle_system, "payments.receipts")
            for child in children(supervised):
                child.kill()
        await happens(lambda: len({child.pid for child in children(supervised)} - before) == 2)
        result = await result_of(handle)

        supervised.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(supervised.communicate, timeout=30)

    assert result is not None
    assert result.status == "completed"
    assert supervised.returncode == 0
    assert log.count("a worker process died") == 2


async def test_a_killed_supervisor_leaves_no_process_behind(idle_system: System) -> None:
    with supervisor(idle_system, "--processes", "2") as supervised:
        await happens(lambda: len(children(supervised)) == 2)
        left = children(supervised)
        supervised.kill()
        await happens(lambda: not any(child.is_running() for child in left))


async def test_a_second_signal_ends_all_processes_at_once(idle_system: System) -> None:
    with supervisor(idle_system, "--processes", "2") as supervised:
        await happens(lambda: len(children(supervised)) == 2)
        left = children(supervised)
        async with blocked(idle_system, "inventory.receipts"):
            handle = await idle_system.start(Scenario("interrupted").order())
            await until_blocked(idle_system, "inventory.receipts")
            supervised.send_signal(signal.SIGTERM)
            # The idle process ends, the process of the blocked order drains.
            await happens(lambda: len([child for child in left if child.is_running()]) == 1)
            supervised.send_signal(signal.SIGTERM)
            await asyncio.to_thread(supervised.wait, timeout=5)
            await happens(lambda: not any(child.is_running() for child in left))
    assert supervised.returncode == KILLED_BY_SECOND_SIGNAL
    await handle.terminate()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--processes", "0"], "--processes: must be 1 to 64"),
        (["--processes", "many"], "worker.py: argument --processes: invalid int value: 'many'"),
        (["--relay"], "worker.py: unrecognized arguments: --relay"),
        (["orders"], "worker.py: unrecognized arguments: orders"),
        (["--serve", "pay"], "worker.py: argument --serve: 'pay' is not one of orders, inventory, payments, shipping"),
        (["--serve", ""], "worker.py: argument --serve: has an empty name; use orders, inventory, payments, shipping"),
        (["--serve"], "worker.py: argument --serve: expected one argument"),
        (
            ["--serve", "payments", "--relay-only"],
            "worker.py: argument --relay-only: not allowed with argument --serve",
        ),
    ],
)
def test_invalid_arguments_are_refused_in_one_line(idle_system: System, arguments: list[str], problem: str) -> None:
    with supervisor(idle_system, *arguments) as refused:
        _, line = refused.communicate(timeout=30)

    assert (refused.returncode, line) == (2, f"error: {problem}\n")


def test_a_supervisor_without_a_database_does_not_start(idle_system: System) -> None:
    nowhere = replace(
        idle_system.stack, database_url=urlsplit(idle_system.stack.database_url)._replace(path="/nowhere").geturl()
    )
    with supervisor(replace(idle_system, stack=nowhere), "--processes", "2") as refused:
        _, line = refused.communicate(timeout=30)

    assert refused.returncode == 4
    assert line.splitlines()[-1].startswith("error: database: ")
