"""Prints the results of a run: the matrix, the totals, and each failed case with its timeline and its command."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.evidence.timeline import timeline
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.cases import left_out
from tests.faults.explorer.matrix.faults import FAULTS
from tests.faults.explorer.run import REPETITIONS, Findings

GOOD, BAD, NONE = "[green]✔[/]", "[red]✘[/]", "[dim]–[/]"
STORIES_AT_MOST = 20


def show(console: Console, cases: Sequence[Case], findings: Findings) -> None:
    """Print the matrix, the totals and the failed cases."""
    console.print(matrix(cases, findings))
    console.print(totals(cases, findings))
    for story in stories(cases, findings):
        console.print(story, markup=False, highlight=False, soft_wrap=True)


def matrix(cases: Sequence[Case], findings: Findings) -> Table:
    """Return the table of step × point by fault."""
    columns = [fault for fault in FAULTS if any(case.fault == fault for case in cases)]
    table = Table("step", "point", *columns, title="step × point × fault", header_style="bold", padding=(0, 0))
    played = {(case.step.style, case.step.name, case.point, case.fault): case for case in cases}
    rows = dict.fromkeys((case.step.style, case.step.name, case.point) for case in cases)
    for style, name, point in rows:
        cells = [_cell(played.get((style, name, point, fault)), findings) for fault in columns]
        table.add_row(f"{style[0]} {name}", point, *cells)
    return table


def _cell(case: Case | None, findings: Findings) -> str:
    return NONE if case is None else BAD if findings.results[case.name].problems else GOOD


def totals(cases: Sequence[Case], findings: Findings) -> str:
    """Return the totals as text."""
    failed = sum(bool(result.problems) for result in findings.results.values())
    struck = {hit.order_id for hit in findings.evidence.hits if hit.fault != "driver"}
    summary = (
        f"{len(cases)} cases in {findings.seconds:.0f} s: {len(cases) - failed} as expected, {failed} not. "
        f"{len(struck)} faults struck; {len(findings.evidence.snapshots)} snapshots; "
        f"{findings.repeated} repeated because the machine was slow; {len(findings.general)} other findings."
    )
    left = [f"  {count:4} {why}" for why, count in left_out().most_common()]
    return "\n".join([summary, "left out, with the reason:", *left])


def stories(cases: Sequence[Case], findings: Findings) -> list[str]:
    """Return each failed case with the command that repeats it; the first ones also with their timeline."""
    failed = [case for case in cases if findings.results[case.name].problems]
    lines = [f"FINDING {problem}" for problem in findings.general]
    for case in failed[:STORIES_AT_MOST]:
        problems = "\n".join(f"  ✘ {problem}" for problem in findings.results[case.name].problems)
        apart = " --apart" if findings.apart else ""
        command = f"  again: python -m tests.faults.explore --case {case.name}{apart}"
        lines.append(
            f"\n{case.name}\n{problems}\n{command}\n{timeline(findings.evidence, _played_last(case, findings))}"
        )
    lines += [f"{case.name}: {'; '.join(findings.results[case.name].problems)}" for case in failed[STORIES_AT_MOST:]]
    return lines


def _played_last(case: Case, findings: Findings) -> str:
    """Return the id of the latest order of a case."""
    known = {row.order_id for row in findings.evidence.orders}
    again = [replace(case, repetition=number).id for number in range(REPETITIONS, 0, -1)]
    return next((order_id for order_id in again if order_id in known), case.id)


def document(cases: Sequence[Case], findings: Findings) -> dict[str, Any]:
    """Return the results as JSON data."""
    return {
        "cases": [
            {
                "id": case.name,
                "style": case.step.style,
                "step": case.step.name,
                "point": case.point,
                "fault": case.fault,
                "problems": findings.results[case.name].problems,
            }
            for case in cases
        ],
        "findings": findings.general,
        "left_out": dict(left_out()),
        "seconds": round(findings.seconds, 1),
    }
