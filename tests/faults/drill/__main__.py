"""`make drill`: python -m tests.faults.drill [--seconds N] [--processes N]."""

import argparse
import asyncio
import os
import sys
import time

from runtime.loop import loop_factory
from tests.faults.chaos.processes.post import clean_environ
from tests.faults.drill.drill import drill, own_folder


def _print_line(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run one drill with the product's own policies; return 0, or 1 when an advised command failed."""
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="duration of the provider's outage in seconds")
    parser.add_argument("--processes", type=int, default=40, help="number of orders and slips")
    arguments = parser.parse_args()
    for name in os.environ.keys() - clean_environ().keys():
        del os.environ[name]
    with own_folder() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
        done = runner.run(drill(folder, arguments.processes, arguments.seconds, _print_line, hasty=False))
    commands = ", ".join(f"{count} for {cause}" for cause, count in done.commands.items()) or "none"
    _print_line(f"{done.stuck_after_the_outage} stuck after the outage; commands that were advised and run: {commands}")
    _print_line(f"ended after {done.seconds_to_end:.0f} s in {done.rounds} rounds: {done.outcomes}; held: {done.held}")
    for line in done.failed:
        _print_line(f"failed: {line}")
    return 1 if done.failed else 0


if __name__ == "__main__":
    sys.exit(main())
