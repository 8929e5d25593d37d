"""The floor: a bare workflow of three empty activities, on the tuned server and with the product worker's settings.

No saga on Temporal can cost less. With `--local` the three are local activities, so that the workflow has as few
workflow tasks as an express order.
"""

import argparse
import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.worker import Worker

from benchmarks.measuring.load import Load, order_of
from postgres.database import Database
from runtime.connection import connect
from runtime.loop import loop_factory
from runtime.metrics import build_runtime
from runtime.settings import Settings
from runtime.tuning import tune
from worker import configuration, services_on

QUEUE, TIMEOUT = "floor", timedelta(seconds=10)


@activity.defn
async def nothing(order: dict[str, Any]) -> str:
    """Do nothing."""
    return str(order["order_id"])


@workflow.defn
class FloorWorkflow:
    """Three activities, one after another."""

    @workflow.run
    async def run(self, order: dict[str, Any], local: bool) -> str:  # noqa: FBT001 - it travels as JSON
        """Return `completed`."""
        for _ in range(3):
            if local:
                await workflow.execute_local_activity(nothing, order, start_to_close_timeout=TIMEOUT)
            else:
                await workflow.execute_activity(nothing, order, start_to_close_timeout=TIMEOUT)
        return "completed"


async def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--local", action="store_true")
    options = parser.parse_args()
    settings = Settings(database_url=options.database)
    client = await connect(settings, address=options.address, runtime=build_runtime(settings))
    async with await Database.open(options.database, size=1) as database:
        # The configuration of the product's worker, except workflows, activities and queue.
        config = configuration(client, services_on(database, settings), settings)
    config |= {"task_queue": QUEUE, "workflows": [FloorWorkflow], "activities": [nothing], "interceptors": []}

    async def place(order_id: str, kind: str) -> str:
        handle = await client.start_workflow(
            FloorWorkflow.run,
            args=[order_of(order_id, kind), options.local],
            id=order_id,
            task_queue=QUEUE,
            request_eager_start=True,
        )
        return await handle.result()

    async with Worker(**config):
        tune()
        await Load(place).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
