"""Compare all systems in one run on one PostgreSQL: python -m benchmarks.compare [--json FILE] [--chart FILE].

The systems take turns in rounds, each alone on the machine in its turn, so that noise affects all of them; every other
round runs in reverse order. A figure is the median over the rounds; a ratio is the median of the ratios within each
round. `python -m benchmarks.report FILE` prints the tables of a run again.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.contestants.contestant import Contestant, chosen
from benchmarks.contestants.field import FIELD
from benchmarks.growth import grow
from benchmarks.measuring import chart, machine, stage
from benchmarks.measuring.driver import RunFailed
from benchmarks.measuring.turns import CROWD, IN_FLIGHT, Turn, TurnPlan

QUICK = TurnPlan(rounds=1, alone=2.0, load=3.0, undo=2.0, warm=1.0)
GROWTH = 2_000


def log_progress(line: str) -> None:
    """Print a progress line on stderr."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)


async def compare(
    contestants: Sequence[Contestant], plan: TurnPlan, orders: int, growing: Sequence[Contestant]
) -> dict[str, Any]:
    """Return everything that a run measures."""
    document: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
        "versions": machine.versions(),
        "plan": {**vars(plan), "in_flight": IN_FLIGHT, "crowd": CROWD},
        "labels": {one.name: one.label for one in contestants},
        "floors": [one.name for one in contestants if not one.saga],
    }
    others = machine.Others()
    async with stage.opened() as opened:
        document["turns"] = await take_turns(contestants, plan, opened)
    document["growth"] = []
    for one in growing if orders else ():
        async with stage.opened() as opened:
            await one.prepare(opened)
            document["growth"] += await grow(one, opened, orders, log_progress)
    document["others_cores"] = round(others.cores(), 2)
    return document


async def take_turns(
    contestants: Sequence[Contestant], plan: TurnPlan, opened: stage.BenchStage
) -> list[dict[str, Any]]:
    """Return every turn of every round; raise RunFailed when a system makes an error."""
    turns, completed = [], dict.fromkeys((one.name for one in contestants), 0)
    for one in contestants:
        await one.prepare(opened)
    for number in range(1, plan.rounds + 1):
        for one in contestants if number % 2 else reversed(contestants):
            turn = Turn(one, number, plan)
            await turn.measure(opened)
            completed[one.name] += turn.completed
            one.check(opened, completed[one.name])
            turns.append(turn.taken)
            log_progress(f"round {number} of {plan.rounds}  {one.label}: {report.in_brief(turn.taken)}")
    return turns


def options() -> argparse.Namespace:
    """Return the options of the command line."""
    names = ", ".join(one.name for one in FIELD)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], epilog=f"Systems: {names}.")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--chart", type=Path, help="write the chart's data to this file, for benchmarks.peers.drawing")
    parser.add_argument("--rounds", type=int, help=f"default: {TurnPlan.rounds}")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, to try the benchmark; its figures are not reliable"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME")
    parser.add_argument(
        "--growth",
        type=int,
        default=GROWTH,
        metavar="N",
        help="how many orders accumulate in the growth part; 0 skips it",
    )
    parser.add_argument("--growth-of", nargs="+", default=["ours", "ours-express"], metavar="NAME")
    return parser.parse_args()


def main() -> None:
    """Measure, write and print."""
    given = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the servers and removes their folder
    plan = QUICK if given.quick else TurnPlan()
    if given.rounds:
        plan = TurnPlan(**{**vars(plan), "rounds": given.rounds})
    try:
        contestants, growing = chosen(FIELD, given.only, given.without), chosen(FIELD, given.growth_of, ())
        document = asyncio.run(compare(contestants, plan, given.growth, growing))
    except (RunFailed, ValueError) as error:
        sys.exit(f"this run is void: {error}")
    for file, text in ((given.json, json.dumps(document, indent=1) + "\n"), (given.chart, chart.written(document))):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    print(report.written(document))


if __name__ == "__main__":
    main()
