"""Embedded stacks for one test: separate ports and folders, and the processes of a stack."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from runtime.embedded.ports import free_port
from runtime.embedded.record import Layout, Record, live_record
from runtime.settings import PROJECT, Settings

SECONDS_TO_HAPPEN = 20.0

USER_OF_STACK = """
import asyncio, sys
from runtime.embedded.stack import embedded_stack
from runtime.settings import Settings

async def main():
    async with embedded_stack(Settings.read(), print) as stack:
        print("ready", stack.temporal_address, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


def settings_for(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, temporal_port=free_port(), ui_port=free_port())


def environment_for(settings: Settings) -> dict[str, str]:
    return {
        **{
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("ORDERS_", "TEMPORAL_", "DATABASE_"))
        },
        "ORDERS_DATA_DIR": str(settings.data_dir),
        "ORDERS_TEMPORAL_PORT": str(settings.temporal_port),
        "ORDERS_UI_PORT": str(settings.ui_port),
        "PYTHONPATH": str(PROJECT),
    }


def start_user(settings: Settings) -> subprocess.Popen[str]:
    """Start a process that uses the stack until it reads a line."""
    return subprocess.Popen(
        [sys.executable, "-c", USER_OF_STACK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment_for(settings),
    )


def output_until_ready(user: subprocess.Popen[str]) -> str:
    """Return the output of a user of the stack up to its line `ready`, or up to its end."""
    assert user.stdout is not None
    output = ""
    for line in user.stdout:
        output += line
        if line.startswith("ready"):
            break
    return output


def record_of(settings: Settings) -> Record:
    record = live_record(Layout(settings.data_dir))
    assert record is not None
    return record


def processes_of(settings: Settings) -> list[psutil.Process]:
    """Return the keeper process of a stack and its descendants."""
    keeper = psutil.Process(record_of(settings).keeper)
    return [keeper, *keeper.children(recursive=True)]


async def happens(what: Callable[[], bool]) -> bool:
    """Return whether `what` becomes true within SECONDS_TO_HAPPEN."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while not what():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(is_running(process) for process in processes)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
