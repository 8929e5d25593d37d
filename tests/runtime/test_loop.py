"""The event loop of the processes."""

import asyncio

from runtime.loop import loop_factory


def test_a_process_runs_on_uvloop_when_installed() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert type(runner.get_loop()).__module__.startswith("uvloop")
