"""The product's worker with one setting changed, to measure it: python -m benchmarks.contestants.worker_with JSON.

The JSON has any of `settings` (of the product), `worker` (arguments of the SDK's worker), `pollers` (a number, or
"autoscaling"), `collector` (thresholds of Python's garbage collector, set after the objects of the start are frozen)
and `loop` ("asyncio" for Python's own).
"""

import asyncio
import gc
import json
import signal
import sys
from typing import Any

from temporalio.worker import PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum, Worker

from postgres.database import Database
from runtime.connection import connect, database_of
from runtime.loop import loop_factory
from runtime.metrics import build_runtime
from runtime.settings import Settings
from worker import configuration, services_on


def changed(config: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Return a worker's arguments with one choice applied."""
    behavior: dict[str, Any] = {}
    if pollers := choice.get("pollers"):
        how = PollerBehaviorAutoscaling() if pollers == "autoscaling" else PollerBehaviorSimpleMaximum(pollers)
        behavior = {"workflow_task_poller_behavior": how, "activity_task_poller_behavior": how}
    of_sdk: dict[str, Any] = choice.get("worker", {})
    return config | of_sdk | behavior


async def serve(choice: dict[str, Any]) -> None:
    """Serve until SIGTERM."""
    settings = Settings.model_validate(Settings.read().model_dump() | choice.get("settings", {}))
    client = await connect(settings, runtime=build_runtime(settings))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await Database.open(database_of(settings), size=settings.database_pool) as database:
        config = dict(configuration(client, services_on(database, settings), settings))
        if thresholds := choice.get("collector"):
            gc.collect()
            gc.freeze()
            gc.set_threshold(*thresholds)
        async with Worker(**changed(config, choice)):
            await stop.wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    with asyncio.Runner(loop_factory=None if given.get("loop") == "asyncio" else loop_factory()) as runner:
        runner.run(serve(given))
