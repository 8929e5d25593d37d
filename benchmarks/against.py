"""Compare with an earlier commit: python -m benchmarks.against CHECKOUT [--of NAME] [--rounds N] [--orders N].

CHECKOUT is the folder of a clone of that commit, after `make setup` there; `make bench-against` makes one. Both sides
run for the whole time, each with its own servers, and take short turns, every other round in reverse order. A ratio is
the median of the ratios within each round, so that other load of the machine is in both of its parts.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.contestants.field import EXPRESS, FIELD
from benchmarks.measuring import figures
from benchmarks.measuring.driver import Driver
from benchmarks.measuring.stage import HERE
from benchmarks.measuring.system import carry_out
from benchmarks.report import number, table
from runtime.settings import PROJECT

WARM_UP = 3
# Quartiles need two.
FEWEST_ROUNDS = 2
FIGURES = {"load.cpu": "ms of CPU", "load.per_second": "sagas/s", "load.p50": "p50 of 30"}
Turns = Mapping[str, Sequence[dict[str, Any]]]


async def compare(earlier: Path, name: str, rounds: int, orders: int) -> Turns:
    """Return the turns of both sides, `earlier` and `now`; raise RunFailed when a side makes an error."""
    turns: dict[str, list[dict[str, Any]]] = {"earlier": [], "now": []}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = {}
        for side, checkout in (("earlier", earlier), ("now", PROJECT)):
            sides[side] = await started(checkout, name, folder / f"{side}.log")
            stack.push_async_callback(sides[side].stop)
        for round_number in range(1 - WARM_UP, rounds + 1):
            for side in turns if round_number % 2 else reversed(turns):
                sides[side].send("turn", round=round_number, orders=orders)
                turn = (await sides[side].until_done())["turn"]
                if round_number > 0:
                    turns[side].append(turn)
        for driver in sides.values():
            driver.send("end")
            await driver.until_done()
    return turns


async def started(checkout: Path, name: str, log: Path) -> Driver:
    """Start one side."""
    own = {"PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"}
    return await Driver.start([checkout / ".venv" / "bin" / "python", HERE / "side.py", name], log, own)


def as_text(turns: Turns) -> str:
    """Return the figures of both sides, and their ratios with the quartiles over the rounds."""
    before, now = turns["earlier"], turns["now"]
    rows = []
    for figure, label in FIGURES.items():
        low, middle, high = statistics.quantiles(figures.ratios(now, before, figure), n=4)
        medians = [number(figures.median(side, figure)) for side in (before, now)]
        rows.append([label, *medians, number(middle, 2), f"{low:.2f} to {high:.2f}"])
    return table(["", "earlier", "now", "ratio", "quartiles"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, help="a clone of the earlier commit, after `make setup`")
    names = [one.name for one in FIELD]
    parser.add_argument("--of", default=EXPRESS.name, choices=names, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=24, help="default: %(default)s")
    parser.add_argument("--orders", type=int, default=120, help="orders of a turn; default: %(default)s")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    given = parser.parse_args()
    checkout = given.checkout.resolve()
    if not (checkout / ".venv" / "bin" / "python").exists():
        parser.error(f"checkout: {checkout} is no clone with an environment; run `make setup` there")
    if given.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds: a comparison needs at least {FEWEST_ROUNDS}")
    carry_out(compare(checkout, given.of, given.rounds, given.orders), as_text, given.json)


if __name__ == "__main__":
    main()
