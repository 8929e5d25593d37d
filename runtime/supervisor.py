"""The supervisor of several worker processes: a process that exits is restarted with exponential backoff."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from models.errors import InvalidInput, WrongInstallation
from runtime.process import SUPERVISED
from runtime.settings import Settings, variable

log = logging.getLogger("worker")
# The backoff is 1, 2, 4 ... 30 seconds, and starts again at 1 for a process that has run for a minute.
FIRST_PAUSE, LONGEST_PAUSE, STEADY = 1.0, 30.0, 60.0
# Exit codes of a process that would end in the same way again.
USAGE, CONFLICT = 2, 6


class Supervisor:
    """Keeps a number of processes of one command running."""

    def __init__(self, command: Sequence[str], number: int, settings: Settings) -> None:
        self._command, self._number, self._settings = command, number, settings
        self._running: set[asyncio.subprocess.Process] = set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Run the processes until `stop` is set, then wait for all to drain; a cancel kills them.

        Raises InvalidInput when a process refuses its configuration, WrongInstallation for another installation.
        """
        try:
            async with asyncio.TaskGroup() as slots:
                for slot in range(self._number):
                    slots.create_task(self._keep(slot, stop))
        except* (InvalidInput, WrongInstallation) as refused:
            raise refused.exceptions[0] from None
        finally:
            self.end(signal.SIGKILL)

    def end(self, signum: signal.Signals) -> None:
        """Send a signal to all running processes."""
        for process in self._running:
            with suppress(ProcessLookupError):  # the process has ended, and its exit code isn't collected yet
                process.send_signal(signum)

    async def _keep(self, slot: int, stop: asyncio.Event) -> None:
        pause = FIRST_PAUSE
        while not stop.is_set():
            began = time.monotonic()
            code = await self._run(slot, stop)
            if stop.is_set():
                return
            if code == USAGE:
                raise InvalidInput("worker.py", "a worker process refused its configuration; its log names the setting")
            if code == CONFLICT:
                raise WrongInstallation("a worker process found another installation; its log names both")
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY else pause
            log.warning("a worker process died", extra={"slot": slot, "exit_code": code, "again_in_seconds": pause})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run(self, slot: int, stop: asyncio.Event) -> int:
        """Run one process until it exits, which `stop` requests; return its exit code."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            SUPERVISED,
            stdin=asyncio.subprocess.PIPE,  # its end of file reports the supervisor's end to the process
            env=self._environment(slot),
            start_new_session=True,  # only the supervisor receives a terminal's Ctrl-C, and forwards it
        )
        self._running.add(process)
        try:
            ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                process.send_signal(signal.SIGTERM)
            return await ended
        finally:
            self._running.discard(process)

    def _environment(self, slot: int) -> dict[str, str]:
        """Return this process's environment, with a separate metrics port for each slot."""
        address = self._settings.metrics_address
        if address is None:
            return dict(os.environ)
        host, _, port = address.rpartition(":")
        return {**os.environ, variable("metrics_address"): f"{host}:{int(port) + slot}"}
