"""Sends the hunters after one bug, on a copy that has it, and judges what they come back with."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from runtime.embedded.processes import _bound_to
from tests.faults.mutants.bugs import Bug, Hunt
from tests.faults.mutants.copies import DoesNotApply, spoil
from tests.faults.mutants.findings import Finding, findings

SECONDS_AT_MOST, SECONDS_TO_LEAVE = 420, 45
FOUND_OR_NOT = frozenset({0, 1})
LAST_LINES = 12


@dataclass(frozen=True)
class Report:
    """What one hunter came back with; `trouble` when it did not come to an end."""

    found: list[Finding] = field(default_factory=list)
    clean: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class BugVerdict:
    """What became of a bug: the kinds of findings that caught it and one of them in words, or why it was not caught."""

    bug: Bug
    seconds: float
    hunt: Hunt | None = None
    by: tuple[str, ...] = ()
    told: str = ""
    why_not: str = ""

    @property
    def caught(self) -> bool:
        """Whether it was found, as what it is."""
        return bool(self.by)


async def hunt_down(bug: Bug, pristine: Path, folder: Path) -> BugVerdict:
    """Make the bug in a copy, and send its hunters one after the other until one has found it."""
    began = time.monotonic()
    copy = folder / bug.name
    await asyncio.to_thread(shutil.copytree, pristine, copy)
    why_not = []
    try:
        spoil(copy, bug.edits)
        for hunt in bug.hunts:
            report = await send(hunt, copy, bug.patience, folder / f"{bug.name}.log")
            by = tuple(sorted({kind for kind, _ in report.found} & bug.breaks))
            if by:
                told = next(told for kind, told in report.found if kind == by[0])
                return BugVerdict(bug, time.monotonic() - began, hunt, by, told)
            why_not.append(f"{hunt}: {_why(report)}")
    except DoesNotApply as error:
        why_not.append(f"{bug.name} {error}")
    finally:
        await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
    return BugVerdict(bug, time.monotonic() - began, why_not="; ".join(why_not))


def _why(report: Report) -> str:
    if report.trouble:
        return report.trouble
    others = sorted({kind for kind, _ in report.found})
    if others:
        return f"found only {', '.join(others)}: {report.found[0][1]}"
    return "no violation was found" if report.clean else "only cases whose fault never struck, or that did not end"


async def send(hunt: Hunt, copy: Path, patience: int, log: Path) -> Report:
    """Run one hunter in a copy, to its end."""
    answer = copy / "report.json"
    answer.unlink(missing_ok=True)
    module = ["tests.faults.mutants.impatient", str(patience)] if hunt.hunter == "explore" else ["tests.faults.chaos"]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module, *hunt.arguments, "--json", str(answer)),
            cwd=copy,
            env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for us; we pass it on
            preexec_fn=_bound_to(os.getpid(), signal.SIGINT),  # and the kernel does when we are killed
        )
        try:
            code = await asyncio.wait_for(process.wait(), SECONDS_AT_MOST)
        except TimeoutError:
            return Report(trouble=f"did not end within {SECONDS_AT_MOST} s")
        finally:
            await _leave(process)
    if code not in FOUND_OR_NOT or not answer.exists():
        return Report(trouble=f"crashed with {code}: {_last_words(log)}")
    return Report(findings(hunt.hunter, json.loads(answer.read_text())), clean=code == 0)


async def _leave(process: asyncio.subprocess.Process) -> None:
    """Have a hunter that still runs put away what it has started, and leave."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), SECONDS_TO_LEAVE)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _last_words(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
