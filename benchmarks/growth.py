"""The cost of an order while orders accumulate: one system, one server, measured for each tenth of the orders."""

from collections.abc import Callable
from typing import Any

import psutil

from benchmarks.contestants.contestant import Contestant
from benchmarks.measuring import figures
from benchmarks.measuring.stage import BenchStage
from benchmarks.measuring.turns import IN_FLIGHT, watched

PARTS = 10
MEGABYTE = 2**20
Progress = Callable[[str], None]


async def grow(contestant: Contestant, stage: BenchStage, orders: int, log_progress: Progress) -> list[dict[str, Any]]:
    """Return the figures of each tenth of the orders, all of which are kept."""
    rows = []
    async with contestant.running(stage) as running:
        for part in range(1, PARTS + 1):
            running.driver.send("batch", prefix=f"g{part}", orders=orders // PARTS, in_flight=IN_FLIGHT)
            done, used = await watched(running)
            row = figures.sample(done["milliseconds"], done["seconds"], used)
            resident = {role: memory(pids) for role, pids in running.roles.items() if role != "postgres"}
            rows.append({"name": contestant.name, "kept": part * (orders // PARTS), **row, "memory": resident})
            log_progress(f"{contestant.label}: {rows[-1]['kept']} kept, {row['per_second']:.1f}/s")
    return rows


def memory(pids: list[int]) -> float:
    """Return the resident megabytes of these processes and all their children."""
    roots = [psutil.Process(pid) for pid in pids]
    everyone = [process for root in roots for process in (root, *root.children(recursive=True))]
    return sum(float(process.memory_info().rss) for process in everyone) / MEGABYTE
