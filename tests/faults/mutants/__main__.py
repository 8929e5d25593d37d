"""`make mutants`: applies every seeded bug to a copy of the code, where the explorer must find it.

python -m tests.faults.mutants [NAME...] [--jobs N] [--json FILE] [--markdown] [--from FILE]

First the same cases run on an unchanged copy, and must find nothing. Exit code 0 when all were caught, else 1.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.mutants import report
from tests.faults.mutants.bugs import Bug, Hunt, bugs
from tests.faults.mutants.copies import copy_tree
from tests.faults.mutants.hunting import BugVerdict, hunt_down, send

USAGE, INTERRUPTED = 2, 130
CASE = "--case"


def main(arguments: Sequence[str]) -> int:
    """Run the hunts and print the results; return the exit code."""
    asked = _parser().parse_args(arguments)
    if asked.kept:
        sys.stdout.write(report.markdown(json.loads(asked.kept.read_text())) + "\n")
        return 0
    try:
        chosen = bugs(asked.names)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    folder.chmod(0o711)  # PostgreSQL's own user passes through
    try:
        return asyncio.run(_hunt(chosen, folder, asked))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs; default: all")
    parser.add_argument("--jobs", type=int, default=2, help="how many bugs run at a time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON to this file")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/reliability.md")
    parser.add_argument(
        "--from", type=Path, dest="kept", metavar="FILE", help="print that table from the JSON of an earlier run"
    )
    return parser


async def _hunt(chosen: Sequence[Bug], folder: Path, asked: argparse.Namespace) -> int:
    began = time.monotonic()
    if task := asyncio.current_task():  # a SIGTERM ends it as Ctrl-C does
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    pristine = copy_tree(folder / "pristine")
    wrong = await _control(chosen, pristine, folder)
    if wrong:
        sys.stderr.write(f"on the unchanged code: {wrong}\n")
        return 1
    control, gate = time.monotonic() - began, asyncio.Semaphore(asked.jobs)
    _say(f"the unchanged code passes: {control:.0f} s")

    async def one(bug: Bug) -> BugVerdict:
        async with gate:
            verdict = await hunt_down(bug, pristine, folder)
            _say(report.line(verdict))
            return verdict

    verdicts = await asyncio.gather(*map(one, chosen))
    made = report.document(verdicts, control, time.monotonic() - began, asked.jobs)
    if asked.json:
        asked.json.write_text(json.dumps(made, indent=1) + "\n")
    caught = sum(verdict.caught for verdict in verdicts)
    summary = f"{caught} of {len(verdicts)} caught in {made['seconds']:.0f} s"
    sys.stdout.write((report.markdown(made) if asked.markdown else summary) + "\n")
    return int(caught < len(verdicts))


async def _control(chosen: Sequence[Bug], pristine: Path, folder: Path) -> str:
    """Run all hunts on the unchanged code, the explorer once for all its cases; return what is wrong."""
    for hunt in _together([hunt for bug in chosen for hunt in bug.hunts]):
        found = await send(hunt, pristine, max(bug.patience for bug in chosen), folder / "control.log")
        if not found.clean:
            return f"{hunt}: {found.trouble or found.found or (folder / 'control.log').read_text()}"
    return ""


def _together(hunts: Sequence[Hunt]) -> list[Hunt]:
    """Return the hunts without repetition; those of the explorer that only name cases as one."""
    plain = [hunt.arguments[1] for hunt in hunts if hunt.arguments[:-1] == (CASE,)]
    cases = dict.fromkeys(name for names in plain for name in names.split(","))
    others = dict.fromkeys(hunt for hunt in hunts if hunt.arguments[:-1] != (CASE,))
    return [*([Hunt("explore", (CASE, ",".join(cases)))] if cases else []), *others]


def _say(told: str) -> None:
    sys.stderr.write(f"{told}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
