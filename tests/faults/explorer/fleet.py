"""The worker processes of a run: forked quickly, each a real process, restarted after a fault has killed it."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType

import psutil
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from tests.faults.faulty_worker import Part, serve

SECONDS_BETWEEN_LOOKS = 0.02
SECONDS_TO_END = 20
# A frozen worker must hold as few polls as possible: they would receive the tasks of other orders.
DEDICATED = Part(activities=1, connections=3)


class Fleet:
    """Starts processes, and restarts those of the standing fleet that die."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Forked from a server that has imported everything: a process starts in 0.1 s instead of 2 s.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.explorer.nursery"])
        self.deaths = 0

    def start(self, part: Part, name: str) -> ForkServerProcess:
        """Start one process; `name` is the name of its log."""
        process = self._context.Process(target=serve, args=(self._folder, part, self._folder / f"{name}.log"))
        with _without_main_module():
            process.start()
        return process

    @asynccontextmanager
    async def standing(self, parts: list[Part]) -> AsyncIterator[None]:
        """Keep these parts running for the length of the block; a part that dies is restarted."""
        keepers = [asyncio.create_task(self._keep(part, f"{part.role}{n}")) for n, part in enumerate(parts)]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, part: Part, name: str) -> None:
        process = self.start(part, name)
        try:
            while True:
                await ended(process)
                process.join()
                self.deaths += 1
                process = self.start(part, name)
        finally:
            process.terminate()
            if process.pid and is_stopped(process.pid):
                os.kill(process.pid, signal.SIGCONT)
            await asyncio.to_thread(process.join, SECONDS_TO_END)
            process.kill()
            process.join()

    async def serving(self, client: Client, queue: str) -> None:
        """Wait until a worker polls a task queue."""
        asked = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        while not await _has_pollers(client, asked):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    @asynccontextmanager
    async def dedicated(self, queue: str, *, alone: bool) -> AsyncIterator[ForkServerProcess]:
        """Run a worker on a dedicated task queue for the length of the block; kill the worker at its end."""
        part = replace(DEDICATED, queue=queue, activities=DEDICATED.activities if alone else 20)
        process = self.start(part, "dedicated")
        try:
            yield process
        finally:
            process.kill()
            await ended(process)
            process.join()


async def _has_pollers(client: Client, asked: DescribeTaskQueueRequest) -> bool:
    try:
        return bool((await client.workflow_service.describe_task_queue(asked)).pollers)
    except RPCError:
        return False  # a busy server may time out


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the main module: each forked process would import it again."""
    program = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


async def ended(process: ForkServerProcess) -> None:
    """Wait until a process has ended."""
    while process.is_alive():
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


async def stopped(pid: int) -> None:
    """Wait until a process is stopped by SIGSTOP."""
    while not is_stopped(pid):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
