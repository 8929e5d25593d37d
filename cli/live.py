"""What a command shows while a process runs: a live display on a terminal, else sparse notes and the last state."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import RenderableType
from rich.live import Live

from cli import render
from cli.exits import Code, CommandEnded
from cli.output import Output
from client.progress import Seen
from models.process import ProcessState

# Seconds until the first note that no worker answers; each further one comes after twice the time, up to a limit.
FIRST_NOTE, LONGEST_SILENCE = 5.0, 60.0
EXAMINING = "the processes are still being examined; unless a worker runs, `python worker.py` starts one"


@contextmanager
def live(output: Output) -> Iterator[Callable[[RenderableType], None]]:
    """Yield a function that replaces what is displayed, on stderr."""
    try:
        with Live(console=output.notes, auto_refresh=False) as display:
            yield lambda content: display.update(content, refresh=True)
    finally:
        if not output.notes.is_terminal:  # without a terminal, the display does not end its last line
            output.notes.line()


class Silence:
    """Notes while nothing answers: call `heard` on each poll, with whether there was an answer."""

    def __init__(self, output: Output, note: str) -> None:
        self._output, self._note = output, note
        self._restart()

    def _restart(self) -> None:
        self._wait, self._due = FIRST_NOTE, time.monotonic() + FIRST_NOTE

    def heard(self, *, answer: bool) -> None:
        """Restart the time after an answer; without one write the note when it is due."""
        if answer:
            self._restart()
        elif time.monotonic() >= self._due:
            self._output.note(self._note)
            self._wait = min(2 * self._wait, LONGEST_SILENCE)
            self._due = time.monotonic() + self._wait


@contextmanager
def noted(output: Output, note: str) -> Iterator[None]:
    """Write a note when a block takes longer than FIRST_NOTE seconds."""
    timer = asyncio.get_running_loop().call_later(FIRST_NOTE, output.note, note)
    try:
        yield
    finally:
        timer.cancel()


def no_worker(output: Output, name: str) -> Silence:
    """Return the notes that a process waits for a worker."""
    return Silence(output, f"{name} waits: no worker answers; `python worker.py` starts one")


@contextmanager
def following(output: Output, name: str, command: str) -> Iterator[Seen]:
    """Yield a function that shows the states of a process; on Ctrl-C say that it goes on, and what follows it."""
    silence = no_worker(output, name)
    with interruptible(output, f"{name} goes on; `python starter.py {command}` follows it"), live(output) as shown:

        def seen(state: ProcessState | None) -> None:
            shown(render.live(name, state))  # on a terminal, this says that no worker answers
            silence.heard(answer=state is not None or output.notes.is_terminal)

        yield seen


def placing(output: Output, name: str) -> AbstractContextManager[None]:
    """Return a block that places a process; on Ctrl-C it says that the process may have been placed."""
    return interruptible(output, f"{name} may have been placed; the same command again places it at most once")


@contextmanager
def interruptible(output: Output, note: str) -> Iterator[None]:
    """On Ctrl-C write a note, because what was placed goes on without the command, and end the command."""
    try:
        yield
    except asyncio.CancelledError:  # the only task that may cancel a command is its runner
        output.note(note)
        raise CommandEnded(Code.INTERRUPTED, "interrupted") from None
