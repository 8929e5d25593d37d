"""The loop that processes run on."""

import asyncio

from runtime.loop import loop_factory


def test_a_process_runs_on_the_quickest_loop_installed() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert type(runner.get_loop()).__module__.startswith("uvloop")
