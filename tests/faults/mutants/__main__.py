"""`make mutants`: each seeded bug is applied to a copy of the code, where a hunter must find it.

python -m tests.faults.mutants [NAME...] [--jobs N] [--json FILE] [--markdown] [--from FILE]

The same hunts run on an unchanged copy first, and must find nothing. Exit code 0 when all bugs were caught, else 1.
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
from tests.faults.mutants.hunting import BugResult, hunt_down, send

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
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs; by default all")
    parser.add_argument("--jobs", type=int, default=2, help="number of concurrent hunts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the results as the table of docs/reliability.md")
    parser.add_argument("--from", type=Path, dest="kept", metavar="FILE", help="print that table from a FILE of --json")
    return parser


async def _hunt(chosen: Sequence[Bug], folder: Path, asked: argparse.Namespace) -> int:
    began = time.monotonic()
    if task := asyncio.current_task():  # SIGTERM has the effect of Ctrl-C
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    pristine = copy_tree(folder / "pristine")
    wrong = await _control(chosen, pristine, folder)
    if wrong:
        sys.stderr.write(f"error: the hunts found something in the unchanged code: {wrong}\n")
        return 1
    control, gate = time.monotonic() - began, asyncio.Semaphore(asked.jobs)
    _print_line(f"nothing found in the unchanged code: {control:.0f} s")

    async def one(bug: Bug) -> BugResult:
        async with gate:
            result = await hunt_down(bug, pristine, folder)
            _print_line(report.line(result))
            return result

    results = await asyncio.gather(*map(one, chosen))
    made = report.document(results, control, time.monotonic() - began, asked.jobs)
    if asked.json:
        asked.json.write_text(json.dumps(made, indent=1) + "\n")
    caught = sum(result.caught for result in results)
    summary = f"{caught} of {len(results)} caught in {made['seconds']:.0f} s"
    sys.stdout.write((report.markdown(made) if asked.markdown else summary) + "\n")
    return int(caught < len(results))


async def _control(chosen: Sequence[Bug], pristine: Path, folder: Path) -> str:
    """Run all hunts on the unchanged code, the explorer once for all its cases; return the problems as text."""
    for hunt in _together([hunt for bug in chosen for hunt in bug.hunts]):
        found = await send(hunt, pristine, max(bug.patience for bug in chosen), folder / "control.log")
        if not found.clean:
            return f"{hunt}: {found.trouble or found.found or (folder / 'control.log').read_text()}"
    return ""


def _together(hunts: Sequence[Hunt]) -> list[Hunt]:
    """Return the hunts without duplicates; the explorer's hunts that only name cases are merged into one."""
    plain = [hunt.arguments[1] for hunt in hunts if hunt.arguments[:-1] == (CASE,)]
    cases = dict.fromkeys(name for names in plain for name in names.split(","))
    others = dict.fromkeys(hunt for hunt in hunts if hunt.arguments[:-1] != (CASE,))
    return [*([Hunt("explore", (CASE, ",".join(cases)))] if cases else []), *others]


def _print_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
