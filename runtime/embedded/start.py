"""Start a keeper, and wait until its servers are ready."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable

from runtime.embedded.errors import StackFailed
from runtime.embedded.locks import is_held
from runtime.embedded.processes import clean_environment
from runtime.embedded.record import Layout, Ports, Record, live_record, read_record
from runtime.settings import PROJECT

Echo = Callable[[str], None]
SECONDS_TO_START = 75.0
SECONDS_BETWEEN_POLLS = 0.02

# Started keepers are kept here, so that their exit codes can be collected and no zombies remain.
_keepers: list[subprocess.Popen[bytes]] = []


def collect_exits() -> set[int]:
    """Collect the exit codes of ended keepers; return the process ids of the running ones started by this process."""
    _keepers[:] = [keeper for keeper in _keepers if keeper.poll() is None]
    return {keeper.pid for keeper in _keepers}


async def ensure(layout: Layout, ports: Ports, echo: Echo) -> Record:
    """Return the record of a ready stack, which this or another process starts; raise StackFailed."""
    keeper: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        record = live_record(layout)
        if record and record.state == "ready":
            return record
        if keeper and keeper.poll():
            raise StackFailed(_reason(layout, keeper.pid))
        if (keeper is None or keeper.poll() is not None) and not is_held(layout.keeper_lock):
            echo("Starting the Temporal server and PostgreSQL")
            keeper = _spawn_keeper(layout, ports)
        await asyncio.sleep(SECONDS_BETWEEN_POLLS)
    raise StackFailed(f"the embedded servers were not ready in {SECONDS_TO_START:.0f} s; see {layout.keeper_log}")


def _reason(layout: Layout, pid: int) -> str:
    record = read_record(layout)
    if record and record.keeper == pid and record.error:
        return record.error
    return f"the embedded servers can't be started; see {layout.keeper_log}"


def _spawn_keeper(layout: Layout, ports: Ports) -> subprocess.Popen[bytes]:
    collect_exits()
    command = [sys.executable, "-m", "runtime.embedded.keeper", str(layout.root)]
    command += ["--temporal-port", str(ports.temporal), "--ui-port", str(ports.ui)]
    command += [] if ports.tuned else ["--untuned"]
    with layout.keeper_log.open("ab") as out:
        # In its own session, so that Ctrl-C in the terminal doesn't reach the servers.
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd=PROJECT,
            env=clean_environment() | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])},
        )
    _keepers.append(keeper)
    return keeper
