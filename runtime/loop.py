"""The event loop that a process of this project runs on."""

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the quickest loop there is here; None for Python's own."""
    try:
        import uvloop  # noqa: PLC0415 - it doesn't exist for every system
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
