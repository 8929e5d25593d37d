"""A live display on a terminal; elsewhere only its last state is printed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.live import Live

from cli.output import Output


@contextmanager
def live(output: Output) -> Iterator[Callable[[RenderableType], None]]:
    """Yield a function that replaces what is displayed, on stderr."""
    try:
        with Live(console=output.notes, auto_refresh=False) as display:
            yield lambda content: display.update(content, refresh=True)
    finally:
        if not output.notes.is_terminal:  # without a terminal, the display does not end its last line
            output.notes.line()
