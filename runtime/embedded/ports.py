"""Checks of TCP ports on this machine."""

import socket
import time

from runtime.embedded.errors import StackFailed

LOOPBACK = "127.0.0.1"
SECONDS_TO_BE_FREED = 2.0
SECONDS_BETWEEN_POLLS = 0.05


def check_port(port: int, variable: str) -> None:
    """Raise StackFailed that names `variable` when another process listens on the port.

    The check is retried for two seconds, because a server that was just killed may still hold the port.
    """
    deadline = time.monotonic() + SECONDS_TO_BE_FREED
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise StackFailed(f"port {port} is in use; set {variable} to another port")
        time.sleep(SECONDS_BETWEEN_POLLS)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that no process listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Return whether a process listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
