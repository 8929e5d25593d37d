"""The regression guard, `make bench-check`: ours to the floor in one short run, against the ratios that were stored.

What a machine does, and what else it does meanwhile, is in both halves of a ratio. All are up for the whole run and
take many short turns, and a figure is the median of the ratios within each round. A loss of more than 15 %, in
throughput or in CPU an order, is looked at for some rounds more before it fails (exit 1). Where something else keeps
the cores busy, throughput tells how the system shares them out, so that it is shown and not judged; CPU is judged
always. `--store` keeps what was measured as the ratios to compare with.
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
# A pair is compared because both take about as many workflow tasks.
PAIRS: tuple[tuple[Contestant, Contestant], ...] = ((OURS, FLOOR), (EXPRESS, FLOOR_LOCAL))
EVERYONE = tuple(one for pair in PAIRS for one in pair)
FIGURES = {"throughput": "load.per_second", "cpu": "load.cpu"}
ROUNDS, ROUNDS_TO_STORE, ORDERS = 5, 11, 90
# Also on a busy machine all must be over in three minutes.
SECONDS_AT_MOST = 130.0
# Cores that something else may keep busy; a machine at rest has about a tenth of that.
BUSY = 0.5

Turns = dict[str, list[dict[str, Any]]]
Ratios = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RatioVerdict:
    """One ratio: what it was when it was stored, what it is, and the share that was lost, below zero for a gain."""

    name: str
    before: float
    now: float
    counts: bool = True

    @property
    def loss(self) -> float:
        """More CPU and less throughput are losses."""
        change = self.now / self.before - 1
        return -change if self.name.endswith("throughput") else change

    @property
    def too_much(self) -> bool:
        """Whether that is a regression."""
        return self.counts and self.loss > LOSS


def ratios(turns: Turns) -> Ratios:
    """Return the ratios of each pair, by name."""
    found = {}
    for one, base in PAIRS:
        of_pair = {name: figures.ratio(turns[one.name], turns[base.name], figure) for name, figure in FIGURES.items()}
        found[f"{one.name}/{base.name}"] = {name: value for name, value in of_pair.items() if value is not None}
    return found


def judged(found: Ratios, stored: Ratios, others: float = 0.0) -> list[RatioVerdict]:
    """Return a verdict on each ratio that was stored; `others` are the cores that something else kept busy."""
    return [
        RatioVerdict(f"{pair} {name}", before, found[pair][name], counts=name == "cpu" or others <= BUSY)
        for pair, was in stored.items()
        for name, before in was.items()
    ]


async def measured(rounds: int, stored: Ratios) -> tuple[Ratios, int, float]:
    """Return the ratios, from how many rounds (more where there seems to be a loss), and the cores of others."""
    turns: Turns = {one.name: [] for one in EVERYONE}
    began, others = time.monotonic(), machine.Others()
    async with stage.opened() as opened, AsyncExitStack() as stack:
        running = {}
        for one in EVERYONE:
            await one.prepare(opened)
            running[one.name] = await stack.enter_async_context(one.running(opened))
        await take_round(0, running)  # warms up, and does not count
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
    """Return everyone's turn, in the other order every other time."""
    taken = []
    for one in EVERYONE if number % 2 else reversed(EVERYONE):
        turn = Turn(one, number, TurnPlan())
        await turn.take_batch(running[one.name], ORDERS)
        taken.append(turn.taken)
    return taken


def lost(turns: Turns, stored: Ratios, others: float = 0.0) -> bool:
    """Whether there seems to be a loss that is too large."""
    return any(verdict.too_much for verdict in judged(ratios(turns), stored, others))


def told(verdicts: Sequence[RatioVerdict], rounds: int, others: float = 0.0) -> str:
    """Return what was compared, for people."""
    lines = [f"{'ours to the floor of the same run':36} {'stored':>8} {'now':>8} {'lost':>8}"]
    for one in verdicts:
        mark = "  too much" if one.too_much else "" if one.counts else "  not judged"
        lines.append(f"{one.name:36} {one.before:8.3f} {one.now:8.3f} {one.loss:8.1%}{mark}")
    lines.append(f"medians of {rounds} rounds of {ORDERS} orders; {LOSS:.0%} may be lost")
    if others > BUSY:
        lines.append(f"something else kept {others:.1f} cores busy, so throughput was not judged")
    return "\n".join(lines)


def main() -> int:
    """Measure, then store or judge; return 1 for a loss that is too large."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the servers and removes their folder
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", action="store_true", help="keep the ratios of this run as those to compare with")
    store = parser.parse_args().store
    stored = {} if store else json.loads(STORED.read_text())
    try:
        found, rounds, others = asyncio.run(measured(ROUNDS_TO_STORE if store else ROUNDS, stored))
    except RunFailed as error:
        sys.exit(f"this run is void: {error}")
    if store:
        if others > BUSY:
            sys.exit(f"not stored: something else kept {others:.1f} cores busy")
        rounded = {pair: {name: round(value, 3) for name, value in of.items()} for pair, of in found.items()}
        STORED.write_text(json.dumps(rounded, indent=1) + "\n")
        print(STORED.read_text(), end="")
        return 0
    verdicts = judged(found, stored, others)
    print(told(verdicts, rounds, others))
    return int(any(verdict.too_much for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
