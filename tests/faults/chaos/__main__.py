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
from tests.faults.chaos.report import document, told
from tests.faults.chaos.run import ChaosRun, run
from tests.faults.checker import Violation, violations
from tests.faults.evidence.evidence import write
from tests.faults.evidence.timeline import timeline

SHORTEST = 20
INTERRUPTED = 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, help="how long there is load; the last part of it without faults"
    )
    parser.add_argument(
        "--seed", type=int, default=None, help="what the run is made of; by default another one each time"
    )
    parser.add_argument("--json", type=Path, default=None, help="where to write the report")
    parser.add_argument("--keep", type=Path, default=None, help="where to keep evidence and logs, also if all is well")
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST:
        parser.error(f"--seconds: at least {SHORTEST}, or nothing happens")
    return arguments


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def check(ran: ChaosRun) -> list[Violation]:
    """Return all that is wrong with a run: what the checker finds, too little done, no rest."""
    if ran.unread:
        # Nothing can be said of what nobody could read, but that it is so.
        return [Violation("I15", "", f"no rest: {ran.rest.left}; the evidence can't be read: {ran.unread}")]
    found = violations(ran.evidence, minimums(ran.plan))
    hit = Counter(hit.fault for hit in ran.evidence.hits if hit.fault in FAULTS)
    found += [Violation("I17", "", line) for line in vacuous(ran.plan, ran.placed, hit)]
    if ran.rest.seconds is None:
        found.append(Violation("I15", "", f"no rest: {ran.rest.left}"))
    return found


def _keep(ran: ChaosRun, found: list[Violation], kept: Path) -> None:
    """Keep what a person needs to find out what went wrong: the evidence, the story of the first bad order."""
    write(ran.evidence, kept / "evidence.json")
    bad = next((violation.order_id for violation in found if violation.order_id), None)
    if bad:
        story = timeline(ran.evidence, bad)
        (kept / f"{bad}.txt").write_text(story + "\n")
        _say(f"the story of {bad}:\n{story}")


def _keep_logs(folder: Path, kept: Path) -> None:
    """Keep what all processes of a run wrote."""
    kept.mkdir(parents=True, exist_ok=True)
    for log in [folder / "supervisor.txt", *folder.glob("*.log"), *(folder / "data").glob("*.log")]:
        shutil.copy(log, kept)
    _say(f"evidence and logs: {kept}")


async def _run(made: RunPlan, folder: Path) -> ChaosRun:
    """Run it; a SIGTERM ends it as Ctrl-C does."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(made, folder, _say)


def _once(made: RunPlan, folder: Path, arguments: argparse.Namespace) -> int:
    """Run it, tell of it, and keep what is needed if anything is wrong."""
    kept = arguments.keep or PROJECT / ".data" / "chaos" / f"{made.seed}-{os.getpid()}"
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            ran = runner.run(_run(made, folder))
        found = check(ran)
        report = document(ran, found)
        _say("\n" + told(report))
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if found or arguments.keep:
            _keep_logs(folder, kept)
            _keep(ran, found, kept)
    except Exception:
        # Not what came of the run but a fault of its own: whoever mends it needs to know what happened, too.
        _keep_logs(folder, kept)
        raise
    return 1 if found else 0


def main() -> int:
    """Run once; return 1 when something was violated or too little was done, 130 when interrupted."""
    arguments = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    made = plan(seed, arguments.seconds)
    again = f"make chaos SECONDS={arguments.seconds} SEED={seed}"
    _say(f"{again}: {len(made.orders)} orders, {len(made.faults)} faults")
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
    _say(f"again: {again}")
    return code


if __name__ == "__main__":
    sys.exit(main())
