"""The conditions of a run: the machine, the versions, and the load of other programs."""

import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import cpu
from benchmarks.measuring.stage import PEERS
from runtime.embedded.postgres import VERSION as POSTGRES

IDLE = (3, 4)  # the columns of /proc/stat without computation: idle, and waiting for a disk


def described() -> dict[str, object]:
    """Return the machine's description."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model[1] if model else platform.machine(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    """Return the versions of all compared systems."""
    binary = Path(sys.executable).parent / "temporal"
    server = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    found = {"python": platform.python_version(), "postgresql": str(POSTGRES), "temporalio": version("temporalio")}
    found["temporal"] = server.strip().removeprefix("temporal version ")
    return found | _of_peers()


def _of_peers() -> dict[str, str]:
    packages = {"dbos", "restate_sdk", "hypercorn"}
    folders = (path.name for path in PEERS.glob("venv/lib/*/site-packages/*.dist-info"))
    found = dict(folder.removesuffix(".dist-info").split("-", 1) for folder in folders)
    for note in PEERS.glob("node_modules/@restatedev/restate-server/package.json"):
        if match := re.search(r'"version": "([^"]+)"', note.read_text()):
            found["restate-server"] = match[1]
    return {name: found[name] for name in sorted({*packages, "restate-server"} & set(found))}


class Others:
    """The cores that other programs keep busy: a run on a busy machine must report them."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy(), cpu.seconds([os.getpid()])

    def cores(self) -> float:
        """Return the average number of cores that other programs kept busy since the start."""
        elapsed = time.monotonic() - self._began
        own = cpu.seconds([os.getpid()]) - self._own
        return max(0.0, (_busy() - self._busy - own) / elapsed)


def _busy() -> float:
    """Return the busy seconds of all cores since the machine started."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(count for column, count in enumerate(ticks) if column not in IDLE) / cpu.TICKS
