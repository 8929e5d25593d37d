"""Measure how a worker drains a backlog: python -m benchmarks.backlog [--orders N] [--drain N] [--regular].

First the steady rate: thirty orders in flight, starter and worker apart. Then the worker is stopped, N orders are
placed, and a worker is started. The database shows how many are closed, tenth after tenth, of all or of the first
`--drain` orders. The first tenth includes the start of the worker process. When all are drained, each order must have
ended exactly once in the database, or the run is void.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contestants.on_temporal import Ours
from benchmarks.growth import PARTS, memory
from benchmarks.measuring import cpu, figures
from benchmarks.measuring.driver import RunFailed
from benchmarks.measuring.load import order_of
from benchmarks.measuring.system import BenchSystem, carry_out, held
from benchmarks.measuring.turns import IN_FLIGHT
from benchmarks.report import number, table
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order

OURS = Ours("backlog", "a backlog")
STARTERS, PATIENCE = 50, 120.0
WARM, STEADY = 3.0, 15.0


async def pile_up(system: BenchSystem, prefix: str, orders: int, extra: dict[str, Any]) -> float:
    """Place orders without waiting for their ends; return the orders placed per second."""
    numbers, began = iter(range(orders)), time.monotonic()

    async def keep_placing() -> None:
        for each in numbers:
            order = Order.model_validate(order_of(f"{prefix}-{each}", "ok") | extra, strict=False)
            await system.client.start_workflow(
                ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=TASK_QUEUE
            )

    async with asyncio.TaskGroup() as tasks:
        for _ in range(STARTERS):
            tasks.create_task(keep_placing())
    system.completed += orders
    return orders / (time.monotonic() - began)


async def until_closed(system: BenchSystem, wanted: int, every: float) -> None:
    """Wait until `wanted` orders are closed; raise RunFailed when no order is closed for two minutes."""
    before, moved = -1, time.monotonic()
    while (closed := await system.closed()) < wanted:
        system.check_worker()
        if closed != before:
            before, moved = closed, time.monotonic()
        if time.monotonic() - moved > PATIENCE:
            raise RunFailed(f"{closed} of {wanted} orders are closed, and no more for {PATIENCE:.0f} s")
        await asyncio.sleep(every)


async def drain(system: BenchSystem, last: int) -> list[dict[str, Any]]:
    """Return the rate, the CPU of an order and the memory, for each tenth from now until `last` orders are closed."""
    rows, roles, before = [], system.running.roles, await system.closed()
    orders = last - before
    seen, looked, used = before, time.monotonic(), cpu.by_role(roles)
    for part in range(1, PARTS + 1):
        await until_closed(system, before + orders * part // PARTS, every=min(1.0, orders / 5000))
        closed, now, spent = await system.closed(), time.monotonic(), cpu.by_role(roles)
        if not (count := closed - seen):
            continue  # the previous part already includes all of this one
        rows.append(
            {
                "drained": closed - before,
                "per_second": count / (now - looked),
                "cpu": {role: (spent[role] - used[role]) / count * 1000 for role in roles},
                "memory": {role: memory(pids) for role, pids in roles.items() if role != "postgres"},
            }
        )
        seen, looked, used = closed, now, spent
    return rows


async def measure(system: BenchSystem, orders: int, drained: int, extra: dict[str, Any]) -> dict[str, Any]:
    """Return the steady rate and the rows of a backlog; raise RunFailed when the database doesn't match."""
    system.start_worker()
    done, used = await system.run("steady", "ok", IN_FLIGHT, WARM, min(STEADY, orders / 30))
    steady = figures.sample(done["milliseconds"], done["seconds"], used)
    system.stop_worker()
    before = await system.closed()
    placing = await pile_up(system, "backlog", orders, extra)
    system.start_worker()
    rows = await drain(system, before + drained)
    if drained == orders:
        system.check()
    system.stop_worker()
    return {"orders": orders, "steady": steady, "placed_per_second": placing, "drained": rows}


async def run(orders: int, drained: int, extra: dict[str, Any]) -> dict[str, Any]:
    """Measure in a separate system."""
    async with held(OURS, extra) as system:
        return await measure(system, orders, drained, extra)


def as_text(found: dict[str, Any]) -> str:
    """Return the table of a run, in Markdown."""
    steady = found["steady"]["per_second"]
    rows: list[Sequence[str]] = [
        [
            f"{row['drained']:,}",
            number(row["per_second"]),
            number(row["per_second"] / steady, 2),
            number(sum(row["cpu"].values())),
            *(f"{row['memory'][role]:.0f}" for role in ("server", "worker")),
        ]
        for row in found["drained"]
    ]
    head = ["drained", "sagas/s", "to the steady rate", "ms of CPU", "server MB", "worker MB"]
    placed = f"{found['orders']:,} orders placed without a worker, {found['placed_per_second']:.0f} a second"
    return "\n\n".join([f"Steady: {steady:.1f} sagas/s. Then {placed}.", table(head, rows)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--drain", type=int, help="drain only this many of them; default: all")
    parser.add_argument("--regular", action="store_true", help="place regular orders instead of express orders")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    given = parser.parse_args()
    extra = {} if given.regular else {"express": True}
    carry_out(run(given.orders, given.drain or given.orders, extra), as_text, given.json)


if __name__ == "__main__":
    main()
