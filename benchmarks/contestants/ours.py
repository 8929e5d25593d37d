"""The product in a benchmark: places orders on command, with the product's worker in the same process by default.

In one process Temporal sends the first workflow task with the answer to the start (eager start).
"""

import argparse
import asyncio
import json
from contextlib import AsyncExitStack

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.contestants.choreographed import choreographed_load
from benchmarks.measuring.load import Load, order_of
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, Status
from runtime import logs
from runtime.connection import connect
from runtime.loop import loop_factory
from runtime.metrics import build_runtime
from runtime.settings import Settings
from worker import orders_worker


async def ended(handle: WorkflowHandle[object, OrderResult]) -> str:
    """Wait for an order's end, and return it by its name in the benchmarks."""
    try:
        return (await handle.result()).status.value
    except WorkflowFailureError as error:
        cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != "OrderCompensated":
        return f"{type(cause).__name__}: {cause}"
    status = OrderResult.model_validate(cause.details[0], strict=False).status
    return "undone" if status is Status.COMPENSATED else status.value


def load_on(client: Client, extra: dict[str, object]) -> Load:
    """Return the load on a client; `extra` are additional fields of each order."""

    async def place(order_id: str, kind: str) -> str:
        order = Order.model_validate(order_of(order_id, kind) | extra, strict=False)
        handle = await client.start_workflow(
            ORDER_WORKFLOW,
            order,
            id=workflow_id(order_id),
            task_queue=TASK_QUEUE,
            result_type=OrderResult,
            request_eager_start=True,
        )
        return await ended(handle)

    async def find(order_id: str) -> str:
        try:
            return await ended(client.get_workflow_handle(workflow_id(order_id), result_type=OrderResult))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await place(order_id, "ok")  # the process that was to place it died before

    return Load(place, find)


async def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="settings of the worker, in JSON")
    parser.add_argument("--order", type=json.loads, default={}, help="additional fields of each order, in JSON")
    parser.add_argument(
        "--starter-only", action="store_true", help="start no worker: the workers are separate processes"
    )
    parser.add_argument("--choreographed", action="store_true", help="place choreographed orders")
    options = parser.parse_args()
    settings = Settings(database_url=options.database, **options.settings)
    logs.configure(settings.log_level, settings.log_format)
    async with AsyncExitStack() as stack:
        client = await connect(settings, address=options.address, runtime=build_runtime(settings))
        if not options.starter_only:
            await stack.enter_async_context(orders_worker(client, options.database, settings))
        if options.choreographed:
            load = await stack.enter_async_context(choreographed_load(options.database, settings, options.order))
        else:
            load = load_on(client, options.order)
        await load.serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
