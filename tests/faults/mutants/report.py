"""The results of a run: line by line, as data, and as the table of docs/reliability.md."""

import os
import platform
from collections.abc import Sequence
from typing import Any

from tests.faults.mutants.hunting import BugVerdict

AT_MOST = 110


def line(verdict: BugVerdict) -> str:
    """Return the result of one bug as a line."""
    mark = "caught  " if verdict.caught else "SURVIVED"
    how = f"{', '.join(verdict.by)}: {verdict.told}" if verdict.caught else verdict.why_not
    return f"{mark} {verdict.bug.name:<28} {verdict.seconds:4.0f} s  {how}"


def document(verdicts: Sequence[BugVerdict], control: float, seconds: float, jobs: int) -> dict[str, Any]:
    """Return everything as data; `control` is the duration in seconds of the same hunts on the unchanged code."""
    return {
        "bugs": [
            {
                "name": verdict.bug.name,
                "bug": verdict.bug.sentence,
                "caught": verdict.caught,
                "by": list(verdict.by),
                "hunt": str(verdict.hunt or ""),
                "told": verdict.told,
                "why_not": verdict.why_not,
                "seconds": round(verdict.seconds, 1),
            }
            for verdict in verdicts
        ],
        "control_seconds": round(control, 1),
        "seconds": round(seconds, 1),
        "jobs": jobs,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
    }


def markdown(document: dict[str, Any]) -> str:
    """Return the table for the docs."""
    bugs = document["bugs"]
    caught = sum(bug["caught"] for bug in bugs)
    told = (
        f"{caught} of {len(bugs)} caught in {document['seconds']:.0f} s, {document['jobs']} at a time on "
        f"{document['machine']['cores']} cores; the same cases on the unchanged code: nothing found, in "
        f"{document['control_seconds']:.0f} s."
    )
    lines = [
        told,
        "",
        "| bug | description | caught by | case | after |",
        "|---|---|---|---|--:|",
    ]
    lines += [_row(bug) for bug in bugs]
    return "\n".join(lines)


def _row(bug: dict[str, Any]) -> str:
    place, _, _ = bug["told"].partition(": ")
    hunt = bug["hunt"].removeprefix("explore --case ")
    where = f"`{hunt if place == 'all' else place}`" if bug["caught"] else "nowhere"
    by = ", ".join(bug["by"]) or "**survived**"
    return f"| `{bug['name']}` | {bug['bug']} | {by} | {where} | {bug['seconds']:.0f} s |"
