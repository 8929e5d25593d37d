"""The first moments of a process: its standard streams and its signals, before the imports, which take a second.

Needs the standard library only, and little of it.
"""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def begin_worker() -> None:
    """Let SIGTERM and SIGINT end the process with exit code 0 until the worker handles them: nothing has begun yet.

    Process 1 of a container ignores a signal without a handler.
    """
    _open_standard_streams()
    _handle(signal.SIGTERM, 0)
    _handle(signal.SIGINT, 0)


def begin_command() -> None:
    """Let SIGINT end a command without a traceback during its imports, and SIGTERM at any time, also as process 1."""
    _open_standard_streams()
    # A name may have characters that the encoding of the output doesn't have: the command has worked all the same.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    _handle(signal.SIGINT, INTERRUPTED, b"interrupted\n")
    _handle(signal.SIGTERM, 128 + signal.SIGTERM)


def end_of_imports() -> None:
    """Let SIGINT raise KeyboardInterrupt from now on."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _handle(signum: signal.Signals, code: int, line: bytes = b"") -> None:
    def leave(_number: int, _frame: FrameType | None) -> None:
        if line:
            os.write(2, line)
        os._exit(code)

    # A shell lets the commands that it runs in the background ignore SIGINT.
    if signal.getsignal(signum) is not signal.SIG_IGN:
        signal.signal(signum, leave)


def _open_standard_streams() -> None:
    """Open what the caller has closed: the next file or socket would get its number, and be written to by a print."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
