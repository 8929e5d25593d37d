"""Starts a program that places orders (measuring/load.py), sends it commands and reads its events."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

PROJECT = Path(__file__).parents[2]
SECONDS_TO_START = 60.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
LONGEST_LINE = 2**26

Event = dict[str, Any]
Command = Sequence[Any]  # words and paths


class RunFailed(Exception):
    """A system made an error, so none of its figures counts."""


def die_with_parent() -> None:
    """Have the kernel kill this child process when its parent ends for any reason; runs before exec."""
    _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def begin(command: Command, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a worker or a server; its output goes to a log."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment(env),
            cwd=PROJECT,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the benchmark has no thread that forks
        )


def environment(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this environment without the variables that configure a compared system, plus `own`."""
    steering = ("TEMPORAL_", "PG", "ORDERS_", "DATABASE_", "RESTATE_", "DBOS_", "PYTHON")
    plain = {name: text for name, text in os.environ.items() if not name.startswith(steering)}
    return plain | dict(own or {})


class Driver:
    """A program that places orders on command."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log

    @classmethod
    async def start(cls, command: Command, log: Path, env: Mapping[str, str] | None = None) -> Self:
        """Start the program and wait until it is ready; raise RunFailed when it isn't."""
        with log.open("ab") as out:
            process = await _spawn(command, out, env)
        driver = cls(process, log)
        async with asyncio.timeout(SECONDS_TO_START):
            await driver.next_event()
        return driver

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def next_event(self) -> Event:
        """Return the next event of the program; raise RunFailed when the program has ended."""
        assert self._process.stdout is not None  # noqa: S101 - it was made with a pipe
        line = await self._process.stdout.readline()
        if not line:
            raise RunFailed(f"the program that places orders has ended; see {self._log}\n{tail(self._log)}")
        event: Event = json.loads(line)
        return event

    def send(self, do: str, **command: Any) -> None:
        """Send a command to the program."""
        assert self._process.stdin is not None  # noqa: S101 - it was made with a pipe
        self._process.stdin.write(json.dumps({"do": do, **command}).encode() + b"\n")

    async def until_done(self, on_event: Callable[[Event], None] | None = None) -> Event:
        """Return the event `done`, and pass each earlier event on; raise RunFailed when orders ended wrongly."""
        while (event := await self.next_event())["event"] != "done":
            if on_event:
                on_event(event)
        if event["wrong"]:
            raise RunFailed(f"{len(event['wrong'])} orders ended wrongly: {event['wrong'][:3]}; see {self._log}")
        return event

    async def remaining_events(self) -> list[Event]:
        """Return the unread events of a program that was killed."""
        assert self._process.stdout is not None  # noqa: S101 - it was made with a pipe
        rest = await self._process.stdout.read()
        whole, _, _cut_off = rest.rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    async def kill(self) -> None:
        """Kill the program, as a crash would."""
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Close its stdin so that the program ends; kill it after five seconds."""
        assert self._process.stdin is not None  # noqa: S101 - it was made with a pipe
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


async def _spawn(command: Command, log: IO[bytes], env: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(str(part) for part in command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env=environment(env),
        cwd=PROJECT,
        limit=LONGEST_LINE,
        preexec_fn=die_with_parent,
    )


def tail(log: Path, lines: int = 15) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
