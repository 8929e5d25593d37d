"""An interrupted, terminated or killed run leaves no process; except after a kill, it leaves no file either."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from runtime.settings import PROJECT
from tests.runtime.stacks import all_gone, happens

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(150)]
EXIT = {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGKILL: -signal.SIGKILL}
# Three workers, a relay, the keeper, and its two servers.
PROCESSES = 7


@contextmanager
def chaos_in(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.chaos", "--seconds", "60", "--seed", "1"],
        cwd=PROJECT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("signum", EXIT)
async def test_nothing_is_left_behind(signum: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(prefix="left-") as name, chaos_in(folder := Path(name)) as process:
        folder.chmod(0o711)
        assert process.stdout is not None
        assert any("to be ready" in line for line in process.stdout)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= PROCESSES
        assert len(list(folder.iterdir())) == 1

        process.send_signal(signum)

        assert process.wait(60) == EXIT[signum]
        assert await happens(lambda: all_gone(started))
        if signum is not signal.SIGKILL:
            assert list(folder.iterdir()) == []
