"""Runs the hunters on a copy of the code with one bug, and evaluates their reports."""

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
    """The report of a hunter; `trouble` is the reason why the hunter did not finish."""

    found: list[Finding] = field(default_factory=list)
    clean: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class BugResult:
    """The result of a bug: the kinds of findings that caught it and one finding, or why it was not caught."""

    bug: Bug
    seconds: float
    hunt: Hunt | None = None
    by: tuple[str, ...] = ()
    finding: str = ""
    why_not: str = ""

    @property
    def caught(self) -> bool:
        """Whether a finding of an expected kind caught the bug."""
        return bool(self.by)


async def hunt_down(bug: Bug, pristine: Path, folder: Path) -> BugResult:
    """Seed the bug in a copy, and run its hunters one after the other until one has caught it."""
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
                finding = next(sentence for kind, sentence in report.found if kind == by[0])
                return BugResult(bug, time.monotonic() - began, hunt, by, finding)
            why_not.append(f"{hunt}: {_why(report)}")
    except DoesNotApply as error:
        why_not.append(f"{bug.name} {error}")
    finally:
        await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
    return BugResult(bug, time.monotonic() - began, why_not="; ".join(why_not))


def _why(report: Report) -> str:
    if report.trouble:
        return report.trouble
    others = sorted({kind for kind, _ in report.found})
    if others:
        return f"found only {', '.join(others)}: {report.found[0][1]}"
    return "nothing was found" if report.clean else "only vacuous cases, or cases that did not end"


async def send(hunt: Hunt, copy: Path, patience: int, log: Path) -> Report:
    """Run one hunter in a copy of the code, for SECONDS_AT_MOST at most, and return its report."""
    answer = copy / "report.json"
    answer.unlink(missing_ok=True)
    module = {
        "explore": ["tests.faults.mutants.impatient", str(patience)],
        "chaos": ["tests.faults.chaos"],
        "test": ["tests.faults.mutants.testing"],
    }[hunt.hunter]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module, *hunt.arguments, "--json", str(answer)),
            cwd=copy,
            env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C reaches only this process, which passes it on
            preexec_fn=_bound_to(os.getpid(), signal.SIGINT),  # and the kernel passes on the death of this process
        )
        try:
            code = await asyncio.wait_for(process.wait(), SECONDS_AT_MOST)
        except TimeoutError:
            return Report(trouble=f"did not finish in {SECONDS_AT_MOST} s")
        finally:
            await _leave(process)
    if code not in FOUND_OR_NOT or not answer.exists():
        return Report(trouble=f"crashed with {code}: {_last_lines(log)}")
    return Report(findings(hunt.hunter, json.loads(answer.read_text())), clean=code == 0)


async def _leave(process: asyncio.subprocess.Process) -> None:
    """Interrupt a hunter that still runs, so that it stops its processes; kill it after SECONDS_TO_LEAVE."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), SECONDS_TO_LEAVE)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _last_lines(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
