"""`make chaos`: python -m tests.faults.chaos [--seconds N] [--seed N] [--apart] [--json FILE] [--keep FOLDER]."""

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from runtime.loop import loop_factory
from runtime.settings import PROJECT
from tests.faults.chaos.planning.faults import FAULTS
from tests.faults.chaos.planning.floors import minimums, vacuous
from tests.faults.chaos.planning.plan import RunPlan, plan
from tests.faults.chaos.processes.post import clean_environ
from tests.faults.chaos.report import document, summary
from tests.faults.chaos.run import ChaosRun, run
from tests.faults.checker import Violation, violations
from tests.faults.evidence.evidence import write
from tests.faults.evidence.timeline import timeline

SHORTEST = 20
INTERRUPTED = 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, help="duration of the load in seconds; its last part is without faults"
    )
    parser.add_argument("--seed", type=int, default=None, help="seed of the plan; by default a random one")
    parser.add_argument(
        "--apart", action="store_true", help="each service has a worker and a PostgreSQL server of its own"
    )
    parser.add_argument("--json", type=Path, default=None, help="write the report to FILE as JSON")
    parser.add_argument("--keep", type=Path, default=None, help="keep evidence and logs in FOLDER in any case")
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST:
        parser.error(f"--seconds: must be at least {SHORTEST}")
    return arguments


def _print_line(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def check(ran: ChaosRun) -> list[Violation]:
    """Return the violations of a run: those of the checker, too few faults or orders, and no rest."""
    if ran.unread:
        # Without evidence there is nothing else to check.
        return [Violation("I15", "", f"no rest: {ran.rest.left}; the evidence can't be read: {ran.unread}")]
    found = violations(ran.evidence, minimums(ran.plan))
    hit = Counter(hit.fault for hit in ran.evidence.hits if hit.fault in FAULTS)
    found += [Violation("I17", "", line) for line in vacuous(ran.plan, ran.placed, hit)]
    if ran.rest.seconds is None:
        found.append(Violation("I15", "", f"no rest: {ran.rest.left}"))
    return found


def _keep(ran: ChaosRun, found: list[Violation], kept: Path) -> None:
    """Keep the evidence, and the timeline of the first order with a violation."""
    write(ran.evidence, kept / "evidence.json")
    bad = next((violation.order_id for violation in found if violation.order_id), None)
    if bad:
        story = timeline(ran.evidence, bad)
        (kept / f"{bad}.txt").write_text(story + "\n")
        _print_line(f"timeline of {bad}:\n{story}")


def _keep_logs(folder: Path, kept: Path) -> None:
    """Keep the logs of all processes of a run."""
    kept.mkdir(parents=True, exist_ok=True)
    for log in [folder / "supervisor.txt", *folder.glob("*.log"), *(folder / "data").glob("*.log")]:
        shutil.copy(log, kept)
    _print_line(f"kept evidence and logs in {kept}")


async def _run(made: RunPlan, folder: Path) -> ChaosRun:
    """Run the plan; SIGTERM has the effect of Ctrl-C."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(made, folder, _print_line)


def _once(made: RunPlan, folder: Path, arguments: argparse.Namespace) -> int:
    """Run the plan, print the report, and keep the evidence of a failed run; return the exit code."""
    kept = arguments.keep or PROJECT / ".data" / "chaos" / f"{made.seed}-{os.getpid()}"
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            ran = runner.run(_run(made, folder))
        found = check(ran)
        report = document(ran, found)
        _print_line("\n" + summary(report))
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if found or arguments.keep:
            _keep_logs(folder, kept)
            _keep(ran, found, kept)
    except Exception:
        # A bug of the chaos run itself: the logs help to find it.
        _keep_logs(folder, kept)
        raise
    return 1 if found else 0


def main() -> int:
    """Run once; return 0, 1 after a violation or too few faults or orders, or 130 when interrupted."""
    arguments = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    made = plan(seed, arguments.seconds, apart=arguments.apart)
    again = f"make chaos SECONDS={arguments.seconds} SEED={seed}" + " ARGS=--apart" * arguments.apart
    _print_line(f"{again}: {len(made.orders)} orders, {len(made.faults)} faults")
    for name in os.environ.keys() - clean_environ().keys():
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o711)  # PostgreSQL runs as its own user
    logging.basicConfig(filename=folder / "supervisor.txt", level=logging.WARNING, format="%(asctime)s %(message)s")
    try:
        code = _once(made, folder, arguments)
    except (KeyboardInterrupt, asyncio.CancelledError):
        _print_line("interrupted")
        code = INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print_line(f"repeat with: {again}")
    return code


if __name__ == "__main__":
    sys.exit(main())
