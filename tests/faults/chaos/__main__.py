"""`make chaos`: python -m tests.faults.chaos [--seconds N] [--seed N] [--json FILE] [--keep FOLDER]."""

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
from tests.faults.chaos.report import as_text, document
from tests.faults.chaos.run import ChaosRun, run
from tests.faults.checker import Violation, violations
from tests.faults.evidence.evidence import write
from tests.faults.evidence.timeline import timeline

SHORTEST = 20
INTERRUPTED = 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="seconds of load; the last part runs without faults")
    parser.add_argument("--seed", type=int, default=None, help="the seed that determines the run; default: random")
    parser.add_argument("--json", type=Path, default=None, help="write the report as JSON to this file")
    parser.add_argument(
        "--keep", type=Path, default=None, help="keep evidence and logs in this folder, also without a violation"
    )
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST:
        parser.error(f"--seconds: must be at least {SHORTEST}; a shorter run reaches no fault")
    return arguments


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def check(ran: ChaosRun) -> list[Violation]:
    """Return the violations of a run: findings of the checker, too few orders or faults, orders that did not end."""
    if ran.unread:
        # Without evidence, the only finding is that the evidence can't be read.
        return [
            Violation(
                "I15", "", f"the run did not come to rest: {ran.rest.left}; the evidence can't be read: {ran.unread}"
            )
        ]
    found = violations(ran.evidence, minimums(ran.plan))
    hit = Counter(hit.fault for hit in ran.evidence.hits if hit.fault in FAULTS)
    found += [Violation("I17", "", line) for line in vacuous(ran.plan, ran.placed, hit)]
    if ran.rest.seconds is None:
        found.append(Violation("I15", "", f"the run did not come to rest: {ran.rest.left}"))
    return found


def _keep(ran: ChaosRun, found: list[Violation], kept: Path) -> None:
    """Keep the evidence and the timeline of the first order with a violation."""
    write(ran.evidence, kept / "evidence.json")
    bad = next((violation.order_id for violation in found if violation.order_id), None)
    if bad:
        lines = timeline(ran.evidence, bad)
        (kept / f"{bad}.txt").write_text(lines + "\n")
        _say(f"timeline of {bad}:\n{lines}")


def _keep_logs(folder: Path, kept: Path) -> None:
    """Keep the logs of all processes of a run."""
    kept.mkdir(parents=True, exist_ok=True)
    for log in [folder / "supervisor.txt", *folder.glob("*.log"), *(folder / "data").glob("*.log")]:
        shutil.copy(log, kept)
    _say(f"evidence and logs: {kept}")


async def _run(made: RunPlan, folder: Path) -> ChaosRun:
    """Run a plan; SIGTERM ends the run as Ctrl-C does."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(made, folder, _say)


def _once(made: RunPlan, folder: Path, arguments: argparse.Namespace) -> int:
    """Run a plan, print the report, and keep the evidence when anything is violated; return the exit code."""
    kept = arguments.keep or PROJECT / ".data" / "chaos" / f"{made.seed}-{os.getpid()}"
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            ran = runner.run(_run(made, folder))
        found = check(ran)
        report = document(ran, found)
        _say("\n" + as_text(report))
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if found or arguments.keep:
            _keep_logs(folder, kept)
            _keep(ran, found, kept)
    except Exception:
        # An error of the run itself: the logs are needed to fix it.
        _keep_logs(folder, kept)
        raise
    return 1 if found else 0


def main() -> int:
    """Run once; return 1 when something was violated or too little was done, 130 when interrupted."""
    arguments = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    made = plan(seed, arguments.seconds)
    command = f"make chaos SECONDS={arguments.seconds} SEED={seed}"
    _say(f"{command}: {len(made.orders)} orders, {len(made.faults)} faults")
    for name in os.environ.keys() - clean_environ().keys():
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o711)  # PostgreSQL's own user passes through
    logging.basicConfig(filename=folder / "supervisor.txt", level=logging.WARNING, format="%(asctime)s %(message)s")
    try:
        code = _once(made, folder, arguments)
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("interrupted")
        code = INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"repeat: {command}")
    return code


if __name__ == "__main__":
    sys.exit(main())
