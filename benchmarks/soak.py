"""Check that a worker's memory stays flat: python -m benchmarks.soak [--minutes N] [--in-flight N] [--express].

One server and one worker for the whole time, starter apart; orders that complete alternate with orders that are
undone. The memory is measured after each tenth. The database must contain each order once, or the run is void.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

from benchmarks.contestants.on_temporal import Ours
from benchmarks.growth import PARTS, memory
from benchmarks.measuring.system import BenchSystem, carry_out, held
from benchmarks.report import number, table

OURS = Ours("soak", "soak")
UNDONE_FOR = 0.1  # of each tenth


async def measure(system: BenchSystem, seconds: float, in_flight: int) -> list[dict[str, Any]]:
    """Return the orders so far and the memory after each tenth; raise RunFailed when the database doesn't match."""
    rows, placed = [], {"ok": 0, "refused": 0}
    system.start_worker()
    for part, kind in itertools.product(range(1, PARTS + 1), placed):
        share = UNDONE_FOR if kind == "refused" else 1 - UNDONE_FOR
        done, _ = await system.run(f"s{part}-{kind}", kind, in_flight, 0, share * seconds / PARTS)
        placed[kind] += done["placed"]
        if kind == "refused":
            resident = {role: memory(pids) for role, pids in system.running.roles.items()}
            rows.append({"part": part, "completed": placed["ok"], "undone": placed["refused"], "memory": resident})
    system.stop_worker()
    system.check()
    return rows


async def run(seconds: float, in_flight: int, extra: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure in a separate system."""
    async with held(OURS, extra) as system:
        return await measure(system, seconds, in_flight)


def as_text(rows: list[dict[str, Any]], seconds: float) -> str:
    """Return the table of a run, in Markdown."""
    lines = []
    for row in rows:
        first, now = rows[0]["memory"]["worker"], row["memory"]["worker"]
        counts = [f"{row[kind]:,}" for kind in ("completed", "undone")]
        lines.append(
            [
                number(row["part"] * seconds / PARTS / 60, 0),
                *counts,
                number(now, 0),
                number(now / first, 2),
                number(row["memory"]["server"], 0),
            ]
        )
    return table(["minutes", "completed", "undone", "worker MB", "to the first", "server MB"], lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--in-flight", type=int, default=30)
    parser.add_argument("--express", action="store_true")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    given = parser.parse_args()
    seconds = given.minutes * 60
    extra = {"express": True} if given.express else {}
    carry_out(run(seconds, given.in_flight, extra), lambda rows: as_text(rows, seconds), given.json)


if __name__ == "__main__":
    main()
