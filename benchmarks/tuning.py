"""Measure a single order's latency, on an untuned and on the tuned server: python -m benchmarks.tuning [--rounds N].

Each row has a separate stack, and the rows take turns, so that noise affects all of them. In its turn a row runs forty
orders, one after another. The first order meets a rested server. The untuned server polls its queues at most 20 times a
second, and after a rest it has unused polls: the last twenty orders show the latency without them. A ratio compares a
row's median with the first row's.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client.installation import bind_database
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded.ports import free_port
from runtime.embedded.stack import embedded_stack
from runtime.loop import loop_factory
from runtime.settings import Settings
from services import demo_articles, schemas
from worker import orders_worker

TURN, SPENT = 40, 20
Place = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One configuration: tuned server, sandboxed worker, starter and worker in one process."""

    name: str
    tuned: bool
    sandbox: bool
    eager: bool


ROWS = (
    Row("untuned server, Temporal's defaults", tuned=False, sandbox=True, eager=False),
    Row("tuned server, Temporal's defaults", tuned=True, sandbox=True, eager=False),
    Row("tuned server, tuned worker", tuned=True, sandbox=False, eager=False),
    Row("tuned server, tuned worker, eager start", tuned=True, sandbox=False, eager=True),
)


def an_order() -> Order:
    """Return an order that completes."""
    body = {
        "order_id": f"bench-{uuid.uuid4().hex[:12]}",
        "customer_id": "c-1",
        "currency": "EUR",
        "lines": ({"sku": "SKU-1", "quantity": 1},),
        "payment": {"method": "card", "token": "tok_ok"},
        "ship_to": {"name": "B", "street": "1 Main St", "city": "Lyon", "postcode": "69001", "country": "FR"},
    }
    return Order.model_validate(body)


@asynccontextmanager
async def opened(row: Row) -> AsyncIterator[Place]:
    """Yield a function that places one order on a fresh stack and waits for its end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(
            data_dir=Path(folder) / "data",
            temporal_port=free_port(),
            ui_port=free_port(),
            untuned=not row.tuned,
            workflow_sandbox=row.sandbox,
        )
        async with embedded_stack(settings) as stack:
            await asyncio.to_thread(schemas.migrate, stack.database_url)
            async with await Database.open(stack.database_url, size=2) as db:
                await demo_articles.load(db)
            client = await connect(settings, address=stack.temporal_address)
            await bind_database(client, stack.database_url)

            async def place() -> None:
                order = an_order()
                name, queue = workflow_id(order.order_id), TASK_QUEUE
                await client.execute_workflow(
                    ORDER_WORKFLOW, order, id=name, task_queue=queue, request_eager_start=row.eager
                )

            async with orders_worker(client, stack.database_url, settings):
                yield place


@dataclass
class Times:
    """The latencies of one row's orders, in ms: the first of each turn, and the last ones."""

    rested: list[float] = field(default_factory=list)
    in_use: list[float] = field(default_factory=list)


async def measure(rounds: int) -> dict[str, Times]:
    """Return the times of every row."""
    times = {row.name: Times() for row in ROWS}
    async with AsyncExitStack() as stack:
        places = {row.name: await stack.enter_async_context(opened(row)) for row in ROWS}
        for number, (name, place) in itertools.product(range(1 + rounds), places.items()):
            taken = [await timed(place) for _ in range(TURN)]
            if number:  # the first round warms up
                times[name].rested.append(taken[0])
                times[name].in_use += taken[SPENT:]
    return times


async def timed(place: Place) -> float:
    """Return the latency of one order, in ms."""
    started = time.perf_counter()
    await place()
    return (time.perf_counter() - started) * 1000


def table(times: dict[str, Times]) -> list[dict[str, object]]:
    """Return the medians and their ratios to the first row's."""
    base = times[ROWS[0].name]
    return [
        {
            "row": name,
            "rested_ms": round(statistics.median(row.rested), 1),
            "rested_ratio": round(statistics.median(row.rested) / statistics.median(base.rested), 2),
            "in_use_ms": round(statistics.median(row.in_use), 1),
            "in_use_ratio": round(statistics.median(row.in_use) / statistics.median(base.in_use), 2),
        }
        for name, row in times.items()
    ]


def main() -> None:
    """Print the table, or with --json one document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        rows = table(runner.run(measure(options.rounds)))
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'p50 of one order alone':38} {'on a rested server':>22} {'on one in use':>20}")
    for row in rows:
        rested = f"{row['rested_ms']} ms  {row['rested_ratio']:.2f}"
        in_use = f"{row['in_use_ms']} ms  {row['in_use_ratio']:.2f}"
        print(f"{row['row']:38} {rested:>22} {in_use:>20}")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Temporal's threads would outlive the interpreter, and can crash its end
