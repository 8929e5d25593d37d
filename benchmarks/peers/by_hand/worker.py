"""The worker, with all defaults: python worker.py ADDRESS DATABASE."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from psycopg_pool import ConnectionPool
from shared import TASK_QUEUE
from temporalio.client import Client
from temporalio.worker import Worker

from activities import OrderActivities
from workflows import OrderWorkflow


async def main(address: str, database: str) -> None:
    """Work until the process ends."""
    client = await Client.connect(address)
    with ConnectionPool(database, min_size=4, max_size=10) as pool, ThreadPoolExecutor(100) as executor:
        steps = OrderActivities(pool)
        worker = Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[OrderWorkflow],
            activities=[steps.reserve, steps.release, steps.charge, steps.refund, steps.ship],
            activity_executor=executor,
        )
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
