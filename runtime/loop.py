"""The event loop of the project's processes."""

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the factory of uvloop's event loop; None, which means Python's own, where uvloop isn't installed."""
    try:
        import uvloop  # noqa: PLC0415 - uvloop doesn't support every system
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
