"""A supervised server, which is restarted with backoff when it exits."""

import logging
import signal
import subprocess
import time
from typing import Protocol

log = logging.getLogger("keeper")
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0


class Server(Protocol):
    """The interface of a server to its keeper."""

    stop_signal: signal.Signals

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server."""
        ...

    def is_ready(self) -> bool:
        """Return whether the server answers."""
        ...


class SupervisedServer:
    """A server that is restarted when it exits, with exponential backoff while its starts fail."""

    def __init__(self, name: str, server: Server) -> None:
        self.name, self.server = name, server
        self.child = server.start()
        self.failed_starts = 0
        self._started = time.monotonic()

    def restart_if_dead(self) -> bool:
        """Restart the server if it has exited and its backoff is over; return whether it was restarted."""
        if self.child.poll() is None:
            return False
        lived = time.monotonic() - self._started
        if lived < min(FIRST_BACKOFF * 2**self.failed_starts, LONGEST_BACKOFF):
            return False
        self.failed_starts = self.failed_starts + 1 if lived < LONGEST_BACKOFF * 2 else 0
        log.warning("%s exited with %s after %.1f s; restarting it", self.name, self.child.returncode, lived)
        self.child = self.server.start()
        self._started = time.monotonic()
        return True
