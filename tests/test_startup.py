"""The first second of a process: signals before the imports end, and standard streams that the caller has closed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.settings import PROJECT
from tests.systems import clean_environment

SECONDS = 30.0
# Where the import of a heavy library begins, the process reports it and waits for the signal.
PAUSE = """
import sys
class Pause:
    def find_spec(self, name, *_):
        if name == "pydantic":
            sys.meta_path.remove(self)
            open({reached!r}, "w").close()
            import time
            time.sleep({seconds})
sys.meta_path.insert(0, Pause())
"""


@pytest.fixture
def paused(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Return an environment whose processes wait in the middle of their imports, and the file that they make there."""
    reached = tmp_path / "reached"
    (tmp_path / "sitecustomize.py").write_text(PAUSE.format(reached=str(reached), seconds=SECONDS))
    return clean_environment(PYTHONPATH=str(tmp_path), ORDERS_DATA_DIR=str(tmp_path / "data")), reached


def until(reached: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached.exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("script", "arguments", "signum", "code", "line"),
    [
        ("worker.py", [], signal.SIGTERM, 0, ""),
        ("worker.py", [], signal.SIGINT, 0, ""),
        ("worker.py", ["--processes", "2"], signal.SIGTERM, 0, ""),
        ("worker.py", ["--supervised"], signal.SIGTERM, 0, ""),
        ("starter.py", ["list"], signal.SIGINT, 130, "interrupted\n"),
        ("starter.py", ["up"], signal.SIGTERM, 143, ""),
    ],
)
def test_a_signal_during_the_imports_ends_the_process_quietly(
    script: str,
    arguments: list[str],
    signum: signal.Signals,
    code: int,
    line: str,
    paused: tuple[dict[str, str], Path],
) -> None:
    environment, reached = paused
    with subprocess.Popen(
        [sys.executable, script, *arguments],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(reached)
        process.send_signal(signum)
        output = process.communicate(timeout=SECONDS)

    assert (process.returncode, *output) == (code, "", line)


HAS_NAMESPACES = (
    subprocess.run(["unshare", "--pid", "--fork", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607
    if os.path.exists("/usr/bin/unshare")  # noqa: PTH110
    else False
)


@pytest.mark.skipif(not HAS_NAMESPACES, reason="this machine doesn't let a test make a namespace of processes")
@pytest.mark.parametrize(("script", "code"), [("worker.py", 0), ("starter.py", 143)])
def test_the_first_process_of_a_container_obeys_an_early_signal(
    script: str, code: int, paused: tuple[dict[str, str], Path]
) -> None:
    environment, reached = paused
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, script]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE) as process:
        until(reached)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        process.communicate(timeout=SECONDS)

    assert process.returncode == code


CLOSED = ["", "<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("starter.py --help", 0),
        ("starter.py list --limit 0", 2),
        ("starter.py list --json", 4),
        ("worker.py", 4),
    ],
)
def test_a_closed_stream_changes_no_exit_code(command: str, code: int, closed: str, tmp_path: Path) -> None:
    assert run_with(closed, command, ORDERS_DATA_DIR=str(tmp_path / "data")) == code


def run_with(closed: str, command: str, **changes: str) -> int:
    """Run a program of the project with a closed stream; return its exit code, and check that no stack is printed."""
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {command} {closed}"],  # noqa: S607
        cwd=PROJECT,
        env=clean_environment(TEMPORAL_CONFIG_FILE=os.devnull, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode


def test_a_full_disk_under_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "starter.py", "--help"],
            cwd=PROJECT,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("broken", ["full", "pipe"])
@pytest.mark.parametrize(("arguments", "code"), [(["--processes", "0"], 2), ([], 4)])
def test_a_worker_whose_stderr_is_broken_ends_with_its_code(
    broken: str, arguments: list[str], code: int, tmp_path: Path
) -> None:
    if broken == "full":
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, stderr = os.pipe()
        os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "worker.py", *arguments],
            cwd=PROJECT,
            env=clean_environment(ORDERS_DATA_DIR=str(tmp_path / "data"), TEMPORAL_CONFIG_FILE=os.devnull),
            stderr=stderr,
            timeout=60,
            check=False,
        )
    finally:
        os.close(stderr)

    assert done.returncode == code


@pytest.mark.parametrize("closed", CLOSED)
def test_a_closed_stream_changes_no_exit_code_of_the_example(closed: str) -> None:
    assert run_with(closed, "-m examples.trip show nothing", TEMPORAL_ADDRESS="127.0.0.1:1") == 4
