"""The fault explorer: every step × point × fault as an order of its own, on the real stack with real worker processes.

python -m tests.faults.explore [--style S] [--step S] [--point P] [--fault F] [--case ID] [--quick] [--json FILE]

Each choice may be a list with commas. Exit code 0 when every case ends as promised and every fault has struck, else 1.
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
    """Play the chosen cases and tell what came of them."""
    asked = _parser().parse_args(arguments)
    chosen = _chosen(asked)
    if not chosen:
        sys.stderr.write("error: there is no such case; --list shows them\n")
        return 2
    if asked.list:
        sys.stdout.writelines(f"{case.id}\n" for case in chosen)
        return 0
    progress = Progress(len(chosen))
    findings = asyncio.run(explore(chosen, progress.tell))
    show(Console(width=None if sys.stdout.isatty() else 200), chosen, findings)
    if asked.keep:
        write(findings.evidence, Path(asked.keep))
    if asked.json:
        Path(asked.json).write_text(json.dumps(document(chosen, findings), indent=1))
    return int(bool(findings.general) or any(verdict.problems for verdict in findings.verdicts.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.explore", description=__doc__)
    for name in ("style", "step", "point", "fault", "case"):
        parser.add_argument(f"--{name}", default="", help="one, or several with commas")
    parser.add_argument("--quick", action="store_true", help="a representative part")
    parser.add_argument("--list", action="store_true", help="only name the cases")
    parser.add_argument("--keep", metavar="FILE", help="keep the evidence, for python -m tests.faults.checker FILE")
    parser.add_argument("--json", metavar="FILE", help="write what was found for programs, too")
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
    """One line on stderr that says how far it is."""

    def __init__(self, total: int) -> None:
        self.total, self.begun, self.ended = total, 0, 0

    def tell(self, case: Case, ended: bool) -> None:
        """Count a case that begins or has ended."""
        self.begun, self.ended = self.begun + (not ended), self.ended + ended
        if sys.stderr.isatty() or self.ended == self.total or (ended and self.ended % 100 == 0):
            end = "\r" if sys.stderr.isatty() and self.ended < self.total else "\n"
            sys.stderr.write(
                f"{self.ended} of {self.total} ended, {self.begun - self.ended} under way  {case.id:60}{end}"
            )
            sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
