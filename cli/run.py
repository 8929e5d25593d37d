"""Run the asynchronous part of a command, on uvloop where it is installed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from runtime.loop import loop_factory


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; an interrupt cancels it first."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work)
