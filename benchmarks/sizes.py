"""Measure the sizes of a worker: python -m benchmarks.sizes [--rounds N] [--only NAME ...].

Pollers, slots, cache, pool, garbage collection, event loop, sandbox and processes, each compared with the current
worker, in rounds on one server: one order alone, and thirty in flight. A figure is the median over the rounds of the
ratio within each. Regular orders, starter and worker apart, since these settings concern work on the task queue.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.compare import log_progress
from benchmarks.contestants.on_temporal import Ours
from benchmarks.measuring import figures
from benchmarks.measuring.system import WORKER, BenchSystem, carry_out, held
from benchmarks.measuring.turns import IN_FLIGHT
from benchmarks.report import number, table

BASE = "current worker"
CHOICES: Mapping[str, dict[str, Any]] = {
    BASE: {},
    "2 pollers of each kind, not 5": {"pollers": 2},
    "20 pollers": {"pollers": 20},
    "autoscaling pollers": {"pollers": "autoscaling"},
    "20 activities at once, not 100": {"settings": {"max_activities": 20}},
    "400 activities": {"settings": {"max_activities": 400}},
    "20 workflow tasks at once, not 100": {"worker": {"max_concurrent_workflow_tasks": 20}},
    "50 workflows cached, not 1,000": {"worker": {"max_cached_workflows": 50}},
    "4,000 workflows": {"worker": {"max_cached_workflows": 4000}},
    "5 connections, not 10": {"settings": {"database_pool": 5}},
    "30 connections": {"settings": {"database_pool": 30}},
    "collector: start frozen, 20,000 new objects a round": {"collector": [20_000, 20, 20]},
    "Python's own event loop": {"loop": "asyncio"},
    "in the sandbox": {"settings": {"workflow_sandbox": True}},
    "2 processes": {"processes": 2},
}
OURS = Ours("sizes", "sizes")
ALONE, LOAD, WARM = 3.0, 6.0, 1.5
FIGURES = {"alone.p50": "p50 alone", "load.per_second": "sagas/s", "load.cpu": "CPU"}
Turns = dict[str, list[dict[str, Any]]]


async def take_turn(system: BenchSystem, choice: dict[str, Any], number: int, prefix: str) -> dict[str, Any]:
    """Return the figures of a worker with one setting changed."""
    number_of = choice.get("processes")
    program = (
        [*WORKER, "--processes", number_of]
        if number_of
        else ["-m", "benchmarks.contestants.worker_with", json.dumps(choice)]
    )
    turn: dict[str, Any] = {"round": number}
    system.start_worker(program)
    for name, in_flight, seconds in (("alone", 1, ALONE), ("load", IN_FLIGHT, LOAD)):
        done, used = await system.run(f"{prefix}-{name}", "ok", in_flight, WARM, seconds)
        turn[name] = figures.sample(done["milliseconds"], done["seconds"], used)
    system.stop_worker()
    return turn


async def measure(rounds: int, names: Sequence[str]) -> Turns:
    """Return the turns of each setting."""
    turns: Turns = {name: [] for name in names}
    async with held(OURS, {}) as system:
        for number in range(1, rounds + 1):
            for name in names if number % 2 else reversed(names):
                began = time.monotonic()
                turn = await take_turn(system, CHOICES[name], number, f"r{number}-{list(CHOICES).index(name)}")
                turns[name].append(turn)
                log_progress(f"round {number} of {rounds}, {time.monotonic() - began:.0f} s  {name}")
        system.check()
    return turns


def as_text(turns: Turns) -> str:
    """Return the table of a run, in Markdown: the current worker's figures, and the ratios to them."""
    rows = []
    for name, taken in turns.items():
        if name != BASE:
            found = [number(figures.ratio(taken, turns[BASE], figure), 2) for figure in FIGURES]
            rows.append([name, *found])
    base = [number(figures.median(turns[BASE], figure)) for figure in FIGURES]
    return table(["to the current worker", *FIGURES.values()], [[BASE, *base], *rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(CHOICES), metavar="NAME", choices=list(CHOICES))
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    given = parser.parse_args()
    names = [BASE, *(name for name in given.only if name != BASE)]
    carry_out(measure(given.rounds, names), as_text, given.json)


if __name__ == "__main__":
    main()
