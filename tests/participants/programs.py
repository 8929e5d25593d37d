"""The programs that serve the task queue `payments`: the Python service, and the one of examples/payments-ts."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.orders.apart.running import serving
from tests.systems import System

PROJECT = Path(__file__).parents[2]
FOLDER = ".participants/payments-ts"
OLDEST_NODE = 20
SECONDS_TO_BUILD = 150
SECONDS_TO_START = 60
SECONDS_TO_DRAIN = 60
# What a `make test` above passes on, and would change this make.
_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS"}


@cache
def built() -> Path:
    """Return the built program in TypeScript; skip the test where Node.js or the program's dependencies are missing."""
    lacking = [tool for tool in ("node", "npm", "make") if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"{' and '.join(lacking)} not on PATH")
    version = subprocess.run(["node", "--version"], capture_output=True, check=True, text=True).stdout.strip()  # noqa: S607
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node.js is {version}, and {OLDEST_NODE} or later is needed")
    home = PROJECT / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:  # other processes of the run build it, too
        fcntl.flock(lock, fcntl.LOCK_EX)
        if said := _make(f"{FOLDER}/.installed"):
            pytest.skip(f"the dependencies of examples/payments-ts can't be installed: {said}")
        assert _make("participants") == ""
    return home / "dist" / "main.js"


def _make(target: str) -> str:
    """Make a target; return what make said when it failed."""
    variables = {name: text for name, text in os.environ.items() if name not in _OF_MAKE}
    command = ["make", "--silent", target]
    try:
        made = subprocess.run(
            command, cwd=PROJECT, env=variables, capture_output=True, check=False, text=True, timeout=SECONDS_TO_BUILD
        )
    except subprocess.TimeoutExpired:
        return f"no end after {SECONDS_TO_BUILD} s"
    return (made.stdout + made.stderr).strip() or "failed" if made.returncode else ""


@asynccontextmanager
async def in_typescript(system: System) -> AsyncIterator[Process]:
    """Run the program in TypeScript during the block, then drain it unless the block has killed it."""
    main = await asyncio.to_thread(built)
    process = await asyncio.create_subprocess_exec(
        "node", str(main), env=system.environment(), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        async with asyncio.timeout(SECONDS_TO_START):
            assert (await process.stdout.readline()).startswith(b"serving")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(SECONDS_TO_DRAIN):
            await process.communicate()
    assert process.returncode in {0, -signal.SIGKILL}


def in_python(system: System) -> AbstractAsyncContextManager[object]:
    """Run the Python service during the block."""
    return serving(system, "payments")


PROGRAMS: dict[str, Callable[[System], AbstractAsyncContextManager[object]]] = {
    "python": in_python,
    "typescript": in_typescript,
}
