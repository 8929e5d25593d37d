"""`worker.py --processes N`: what dies is started again, what is told to stop drains, and nothing is left behind."""

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

from tests.orders.deaths.test_kills import PROJECT, blocked, until_somebody_waits
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
KILLED_BY_SECOND_SIGNAL = 128 + signal.SIGTERM


@contextmanager
def supervisor(system: System, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `python worker.py` with arguments, as people do; it and its processes are killed at the end of the block."""
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


async def test_what_dies_is_started_again_and_orders_go_on(lonely: System) -> None:
    with supervisor(lonely, "--processes", "2") as crew:
        await happens(lambda: len(children(crew)) == 2)
        before = {child.pid for child in children(crew)}
        async with blocked(lonely, "payments.receipts"):
            handle = await lonely.start(Scenario("supervised").order())
            await until_somebody_waits(lonely, "payments.receipts")
            for child in children(crew):
                child.kill()
        await happens(lambda: len({child.pid for child in children(crew)} - before) == 2)
        result = await result_of(handle)

        crew.send_signal(signal.SIGTERM)
        _, told = await asyncio.to_thread(crew.communicate, timeout=30)

    assert result is not None
    assert result.status == "completed"
    assert crew.returncode == 0
    assert told.count("a worker process died") == 2


async def test_a_supervisor_that_is_killed_leaves_nobody_behind(lonely: System) -> None:
    with supervisor(lonely, "--processes", "2") as crew:
        await happens(lambda: len(children(crew)) == 2)
        left = children(crew)
        crew.kill()
        await happens(lambda: not any(child.is_running() for child in left))


async def test_a_second_signal_ends_all_of_them_at_once(lonely: System) -> None:
    with supervisor(lonely, "--processes", "2") as crew:
        await happens(lambda: len(children(crew)) == 2)
        left = children(crew)
        async with blocked(lonely, "inventory.receipts"):
            handle = await lonely.start(Scenario("interrupted").order())
            await until_somebody_waits(lonely, "inventory.receipts")
            crew.send_signal(signal.SIGTERM)
            await happens(lambda: len([child for child in left if child.is_running()]) == 1)  # the idle one has gone
            crew.send_signal(signal.SIGTERM)
            await asyncio.to_thread(crew.wait, timeout=5)
            await happens(lambda: not any(child.is_running() for child in left))
    assert crew.returncode == KILLED_BY_SECOND_SIGNAL
    await handle.terminate()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--processes", "0"], "--processes: must be 1 to 64"),
        (["--processes", "many"], "worker.py: argument --processes: invalid int value: 'many'"),
        (["--relay"], "worker.py: unrecognized arguments: --relay"),
        (["orders"], "worker.py: unrecognized arguments: orders"),
    ],
)
def test_arguments_that_it_can_not_take_are_refused_in_one_line(
    lonely: System, arguments: list[str], problem: str
) -> None:
    with supervisor(lonely, *arguments) as refused:
        _, line = refused.communicate(timeout=30)

    assert (refused.returncode, line) == (2, f"error: {problem}\n")


def test_a_crew_that_could_reach_nothing_does_not_start(lonely: System) -> None:
    nowhere = replace(lonely.stack, database_url=urlsplit(lonely.stack.database_url)._replace(path="/nowhere").geturl())
    with supervisor(replace(lonely, stack=nowhere), "--processes", "2") as refused:
        _, line = refused.communicate(timeout=30)

    assert refused.returncode == 4
    assert line.splitlines()[-1].startswith("error: database: ")
