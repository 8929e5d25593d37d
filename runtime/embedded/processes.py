"""Child processes that end with their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_BYTES_AT_MOST = 10 * 1024 * 1024
PR_SET_PDEATHSIG = 1
# Variables that would configure Temporal, PostgreSQL or Python, and change what the embedded servers store or print.
FOREIGN_PREFIXES = ("TEMPORAL_", "PG", "ORDERS_", "DATABASE_", "LC_", "PYTHON")
FOREIGN = {"LANG", "LANGUAGE", "TZ"}
ON_LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


@dataclass(frozen=True)
class Owner:
    """The system user that a process runs as."""

    uid: int
    gid: int
    name: str


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    folder: Path = Path("/"),
    owner: Owner | None = None,
    on_parent_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a server in `folder` that receives `on_parent_death` when this process ends.

    Call it from the main thread only: the kernel sends the signal when the thread that forked ends, even if its process
    goes on.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment(),
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            preexec_fn=_bound_to(os.getpid(), on_parent_death),  # noqa: PLW1509 - the keeper has one thread
        )


def _bound_to(parent: int, signum: signal.Signals) -> Callable[[], None]:
    """Return the child's set-up function, which runs after the change of user because that clears PR_SET_PDEATHSIG."""

    def bind() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, int(signum))
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return bind


def clean_environment() -> dict[str, str]:
    """Return the environment of an embedded server: this process's, without foreign variables."""
    return {
        name: text for name, text in os.environ.items() if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)
    }


def ignore_libpq_variables() -> None:
    """Remove the variables from which libpq, in this process, would complete the address of the embedded database.

    An address can't override all of them: a service that PGSERVICE names, for example, must exist.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def stop(child: subprocess.Popen[bytes], gently: signal.Signals, deadline: float) -> None:
    """Stop a child with the signal `gently`, and kill it once `deadline` (monotonic seconds) has passed."""
    if child.poll() is not None:
        return
    child.send_signal(gently)
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def end_leftover(pid: int, marks: Sequence[str], patience: float) -> None:
    """Wait for a process of a killed keeper, and kill it after `patience` seconds; its command line holds a mark."""
    deadline = time.monotonic() + patience
    while any(mark in command_of(pid) for mark in marks):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline += patience
        time.sleep(0.02)


def command_of(pid: int) -> str:
    """Return the command line of a process; an empty text when it has ended."""
    if ON_LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    answer = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout


def trim(log: Path) -> None:
    """Empty a log that has grown too long."""
    if log.exists() and log.stat().st_size > LOG_BYTES_AT_MOST:
        log.write_bytes(b"")
