"""The starter: a Temporal client that places orders on command: python starter.py ADDRESS."""

import asyncio
import sys
from pathlib import Path

from shared import TASK_QUEUE, Order
from temporalio.client import Client

from workflows import OrderWorkflow

sys.path.append(str(Path(__file__).parent.parent.parent.parent))

from benchmarks.measuring.load import Load, order_of


async def main(address: str) -> None:
    """Place orders, and wait for their ends."""
    client = await Client.connect(address)

    async def place(order_id: str, kind: str) -> str:
        order = Order(**order_of(order_id, kind))
        return await client.execute_workflow(OrderWorkflow.run, order, id=order_id, task_queue=TASK_QUEUE)

    await Load(place).serve()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
