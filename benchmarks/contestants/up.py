"""Run a system's processes: starter and worker in one process, or apart."""

import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.contestants.contestant import Running
from benchmarks.measuring.driver import Command, Driver, begin


@asynccontextmanager
async def together(command: Command, log: Path, roles: dict[str, list[int]]) -> AsyncIterator[Running]:
    """Yield a system whose worker also places the orders; a crash ends the starter, too."""

    async def start() -> None:
        running.driver = await Driver.start(command, log)
        roles["worker"] = [running.driver.pid]

    async def crash() -> None:
        await running.driver.kill()
        await start()

    running = Running(await Driver.start(command, log), roles, crash)
    roles["worker"] = [running.driver.pid]
    try:
        yield running
    finally:
        await running.driver.stop()


@asynccontextmanager
async def apart(
    worker: Command,
    starter: Command,
    folder: Path,
    roles: dict[str, list[int]],
    *,
    env: Mapping[str, str],
    count: int = 1,
) -> AsyncIterator[Running]:
    """Yield a system whose workers are separate processes; a crash ends one of them."""
    log = folder / "worker.log"
    workers = [begin(worker, log, env) for _ in range(count)]
    roles["worker"] = [process.pid for process in workers]

    async def crash() -> None:
        kill(workers.pop(0))
        workers.append(begin(worker, log, env))
        roles["worker"] = [process.pid for process in workers]

    try:
        driver = await Driver.start(starter, folder / "starter.log", env)
        roles["client"] = [driver.pid]
        yield Running(driver, roles, crash)
        await driver.stop()
    finally:
        for process in workers:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all its children."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    process.send_signal(signal.SIGKILL)
    for child in below:
        child.kill()
    process.wait()
