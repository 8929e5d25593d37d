"""The results of the bugs: as lines, as data, and as the table of docs/reliability.md."""

import os
import platform
from collections.abc import Sequence
from typing import Any

from tests.faults.mutants.hunting import BugResult

AT_MOST = 110


def line(result: BugResult) -> str:
    """Return the result of one bug as a line."""
    mark = "caught  " if result.caught else "SURVIVED"
    how = f"{', '.join(result.by)}: {result.finding}" if result.caught else result.why_not
    return f"{mark} {result.bug.name:<28} {result.seconds:4.0f} s  {how}"


def document(results: Sequence[BugResult], control: float, seconds: float, jobs: int) -> dict[str, Any]:
    """Return the results as JSON data; `control` is the duration in seconds of the same hunts without a bug."""
    return {
        "bugs": [
            {
                "name": result.bug.name,
                "bug": result.bug.sentence,
                "caught": result.caught,
                "by": list(result.by),
                "hunt": str(result.hunt or ""),
                "told": result.finding,
                "why_not": result.why_not,
                "seconds": round(result.seconds, 1),
            }
            for result in results
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
    summary = (
        f"{caught} of {len(bugs)} caught in {document['seconds']:.0f} s, {document['jobs']} at a time on "
        f"{document['machine']['cores']} cores; the same cases on the unchanged code: nothing found, in "
        f"{document['control_seconds']:.0f} s."
    )
    lines = [
        summary,
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
