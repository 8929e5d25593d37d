"""File locks, which the kernel releases when their holder ends, even when it is killed."""

import fcntl
import os
from pathlib import Path
from typing import Self


class Lock:
    """An advisory lock on a file, which no child of this process inherits."""

    def __init__(self, path: Path) -> None:
        # Not inheritable: a server that inherits the file would hold its keeper's lock after the keeper's end.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_exclusive(self) -> bool:
        """Take the lock exclusively; return False when another holder has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock together with other shared holders; return False when it is held exclusively."""
        return self._try(fcntl.LOCK_SH)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Release the lock; a repeated call has no effect."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock exclusively."""
    if not path.exists():
        return False
    with Lock(path) as lock:
        return not lock.try_shared()
