"""A display that moves, on a terminal; elsewhere its last picture stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.live import Live

from cli.output import Output


@contextmanager
def live(output: Output) -> Iterator[Callable[[RenderableType], None]]:
    """Yield what shows a picture in place of the one before, beside the command's answer."""
    try:
        with Live(console=output.notes, auto_refresh=False) as display:
            yield lambda picture: display.update(picture, refresh=True)
    finally:
        if not output.notes.is_terminal:  # where nothing moves, the display leaves its last line open
            output.notes.line()
