"""The regression guard, `make bench-check`: compares `ours` with the floor in one short run, and with stored ratios.

The speed of the machine and its other load are in both parts of a ratio. All systems run for the whole time and take
many short turns; a figure is the median of the ratios within each round. A loss of more than 15 %, in throughput or in
CPU an order, is measured for some more rounds before the check fails (exit 1). When other programs keep the cores
busy, throughput depends on how the cores are shared, so throughput is shown and not checked; CPU is always checked.
`--store` stores the measured ratios as the ones to compare with.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants.contestant import Contestant, Running
from benchmarks.contestants.field import EXPRESS, FLOOR, FLOOR_LOCAL, OURS
from benchmarks.measuring import figures, machine, stage
from benchmarks.measuring.driver import RunFailed
from benchmarks.measuring.turns import Turn, TurnPlan

STORED = Path(__file__).parent / "ratios.json"
LOSS = 0.15
# The two systems of a pair take about as many workflow tasks.
PAIRS: tuple[tuple[Contestant, Contestant], ...] = ((OURS, FLOOR), (EXPRESS, FLOOR_LOCAL))
EVERYONE = tuple(one for pair in PAIRS for one in pair)
FIGURES = {"throughput": "load.per_second", "cpu": "load.cpu"}
ROUNDS, ROUNDS_TO_STORE, ORDERS = 5, 11, 90
# The whole check must end within three minutes, also on a busy machine.
SECONDS_AT_MOST = 130.0
# Cores that other programs may keep busy; an idle machine has about a tenth of that.
BUSY = 0.5

Turns = dict[str, list[dict[str, Any]]]
Ratios = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RatioResult:
    """One ratio: the stored value, the value of this run, and the relative loss, below zero for a gain."""

    name: str
    before: float
    now: float
    counts: bool = True

    @property
    def loss(self) -> float:
        """The relative loss: more CPU and less throughput are losses."""
        change = self.now / self.before - 1
        return -change if self.name.endswith("throughput") else change

    @property
    def too_much(self) -> bool:
        """True for a regression."""
        return self.counts and self.loss > LOSS


def ratios(turns: Turns) -> Ratios:
    """Return the ratios of each pair, by name."""
    found = {}
    for one, base in PAIRS:
        of_pair = {name: figures.ratio(turns[one.name], turns[base.name], figure) for name, figure in FIGURES.items()}
        found[f"{one.name}/{base.name}"] = {name: value for name, value in of_pair.items() if value is not None}
    return found


def results_of(found: Ratios, stored: Ratios, others: float = 0.0) -> list[RatioResult]:
    """Return a result for each stored ratio; `others` is the number of cores that other programs kept busy."""
    return [
        RatioResult(f"{pair} {name}", before, found[pair][name], counts=name == "cpu" or others <= BUSY)
        for pair, was in stored.items()
        for name, before in was.items()
    ]


async def measured(rounds: int, stored: Ratios) -> tuple[Ratios, int, float]:
    """Return the ratios, the number of rounds (more when there seems to be a loss), and the cores of others."""
    turns: Turns = {one.name: [] for one in EVERYONE}
    began, others = time.monotonic(), machine.Others()
    async with stage.opened() as opened, AsyncExitStack() as stack:
        running = {}
        for one in EVERYONE:
            await one.prepare(opened)
            running[one.name] = await stack.enter_async_context(one.running(opened))
        await take_round(0, running)  # warm-up, does not count
        number = 0
        while number < rounds or (time.monotonic() - began < SECONDS_AT_MOST and lost(turns, stored, others.cores())):
            number += 1
            for turn in await take_round(number, running):
                turns[turn["name"]].append(turn)
            if time.monotonic() - began > SECONDS_AT_MOST and number >= rounds // 2:
                break
        busy = others.cores()
    return ratios(turns), number, busy


async def take_round(number: int, running: Mapping[str, Running]) -> list[dict[str, Any]]:
    """Return the turn of each system; every other round runs in reverse order."""
    taken = []
    for one in EVERYONE if number % 2 else reversed(EVERYONE):
        turn = Turn(one, number, TurnPlan())
        await turn.take_batch(running[one.name], ORDERS)
        taken.append(turn.taken)
    return taken


def lost(turns: Turns, stored: Ratios, others: float = 0.0) -> bool:
    """Return whether there seems to be a loss that is too large."""
    return any(result.too_much for result in results_of(ratios(turns), stored, others))


def as_text(results: Sequence[RatioResult], rounds: int, others: float = 0.0) -> str:
    """Return the comparison as text."""
    lines = [f"{'ours / floor of the same run':36} {'stored':>8} {'now':>8} {'lost':>8}"]
    for one in results:
        mark = "  too much" if one.too_much else "" if one.counts else "  not checked"
        lines.append(f"{one.name:36} {one.before:8.3f} {one.now:8.3f} {one.loss:8.1%}{mark}")
    lines.append(f"medians of {rounds} rounds of {ORDERS} orders; limit: {LOSS:.0%} loss")
    if others > BUSY:
        lines.append(f"other programs kept {others:.1f} cores busy: throughput is not checked")
    return "\n".join(lines)


def main() -> int:
    """Measure, then store or check; return 1 for a loss that is too large."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the servers and removes their folder
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", action="store_true", help="store the ratios of this run as the ones to compare with")
    store = parser.parse_args().store
    stored = {} if store else json.loads(STORED.read_text())
    try:
        found, rounds, others = asyncio.run(measured(ROUNDS_TO_STORE if store else ROUNDS, stored))
    except RunFailed as error:
        sys.exit(f"this run is void: {error}")
    if store:
        if others > BUSY:
            sys.exit(f"not stored: other programs kept {others:.1f} cores busy; run again on an idle machine")
        rounded = {pair: {name: round(value, 3) for name, value in of.items()} for pair, of in found.items()}
        STORED.write_text(json.dumps(rounded, indent=1) + "\n")
        print(STORED.read_text(), end="")
        return 0
    results = results_of(found, stored, others)
    print(as_text(results, rounds, others))
    return int(any(result.too_much for result in results))


if __name__ == "__main__":
    sys.exit(main())
