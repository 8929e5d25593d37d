"""File locks that the kernel gives back when their holder dies, however it died."""

import fcntl
import os
from pathlib import Path
from typing import Self


class Lock:
    """An advisory lock on a file; no child of this process inherits it."""

    def __init__(self, path: Path) -> None:
        # Not inheritable: else a server would keep its keeper's lock alive.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_exclusive(self) -> bool:
        """Take the lock alone if nobody else has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock beside others who share it."""
        return self._try(fcntl.LOCK_SH)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give the lock back; once is enough."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock alone."""
    if not path.exists():
        return False
    with Lock(path) as lock:
        return not lock.try_shared()
