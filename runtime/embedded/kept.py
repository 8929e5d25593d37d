"""A server under watch: started again when it dies."""

import logging
import signal
import subprocess
import time
from typing import Protocol

log = logging.getLogger("keeper")
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0


class Server(Protocol):
    """What the keeper needs to know of a server."""

    stop_signal: signal.Signals

    def start(self) -> subprocess.Popen[bytes]:
        """Start it."""
        ...

    def is_ready(self) -> bool:
        """Return whether it answers."""
        ...


class Kept:
    """A server that is started again, ever more slowly, as long as it keeps dying."""

    def __init__(self, name: str, server: Server) -> None:
        self.name, self.server = name, server
        self.child = server.start()
        self.failed_starts = 0
        self._started = time.monotonic()

    def look(self) -> bool:
        """Start the server again if it is dead and its time has come; tell whether that was done."""
        if self.child.poll() is None:
            return False
        lived = time.monotonic() - self._started
        if lived < min(FIRST_BACKOFF * 2**self.failed_starts, LONGEST_BACKOFF):
            return False
        self.failed_starts = self.failed_starts + 1 if lived < LONGEST_BACKOFF * 2 else 0
        log.warning("%s ended with %s after %.1f s; starting it again", self.name, self.child.returncode, lived)
        self.child = self.server.start()
        self._started = time.monotonic()
        return True
