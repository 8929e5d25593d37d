"""The fault explorer: each step × point × fault is a separate order on the real stack with real worker processes.

python -m tests.faults.explore [--style S] [--step S] [--point P] [--fault F] [--case ID] [--quick]
    [--apart] [--json FILE]

Each choice is one value or a comma-separated list. Exit code 0 when every case ends as expected and every fault
struck, 1 otherwise, 2 when no case matches.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.faults.evidence.evidence import write
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.cases import cases
from tests.faults.explorer.matrix.sample import representative
from tests.faults.explorer.report import document, show
from tests.faults.explorer.run import explore


def main(arguments: Sequence[str]) -> int:
    """Run the chosen cases and print the results; return the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = _chosen(asked)
    if not chosen:
        sys.stderr.write("error: no such case; list the cases with --list\n")
        return 2
    if asked.list:
        sys.stdout.writelines(f"{case.id}\n" for case in chosen)
        return 0
    progress = Progress(len(chosen))
    findings = asyncio.run(explore(chosen, progress.update, apart=asked.apart))
    show(Console(width=None if sys.stdout.isatty() else 200), chosen, findings)
    if asked.keep:
        write(findings.evidence, Path(asked.keep))
    if asked.json:
        Path(asked.json).write_text(json.dumps(document(chosen, findings), indent=1))
    return int(bool(findings.general) or any(result.problems for result in findings.results.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.explore", description=__doc__)
    for name in ("style", "step", "point", "fault", "case"):
        parser.add_argument(f"--{name}", default="", help="one value, or several separated by commas")
    parser.add_argument("--quick", action="store_true", help="run a representative sample")
    parser.add_argument("--apart", action="store_true", help="run each service on a worker and a database of its own")
    parser.add_argument("--list", action="store_true", help="print the ids of the cases and exit")
    parser.add_argument(
        "--keep", metavar="FILE", help="write the evidence to FILE, for python -m tests.faults.checker FILE"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE as JSON")
    return parser


def _chosen(asked: argparse.Namespace) -> list[Case]:
    found = representative() if asked.quick else cases()
    wanted = {
        name: set(getattr(asked, name).split(","))
        for name in ("style", "step", "point", "fault", "case")
        if getattr(asked, name)
    }
    return [case for case in found if all(case.is_called(name) in names for name, names in wanted.items())]


class Progress:
    """A progress line on stderr."""

    def __init__(self, total: int) -> None:
        self.total, self.begun, self.ended = total, 0, 0

    def update(self, case: Case, ended: bool) -> None:
        """Count a case that begins or has ended, and print the line."""
        self.begun, self.ended = self.begun + (not ended), self.ended + ended
        if sys.stderr.isatty() or self.ended == self.total or (ended and self.ended % 100 == 0):
            end = "\r" if sys.stderr.isatty() and self.ended < self.total else "\n"
            sys.stderr.write(
                f"{self.ended} of {self.total} ended, {self.begun - self.ended} running  {case.id:60}{end}"
            )
            sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
