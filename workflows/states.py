"""Read-only views of a run: its state, its undo plan and the table in the Web UI."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from temporalio import workflow

from temporal_saga import Execution, Plan, Run

with workflow.unsafe.imports_passed_through():
    from models.commands import PlannedStep, UndoPlan
    from models.names import ProcessKind, ProcessName, slip_of
    from models.process import ProcessState, Status, StepExecution

SIGNS = {"completed": "✔", "pending": "…", "refused": "✘", "parked": "⚠", "skipped": "✔", "waived": "⚠"}

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|!])")

# The Web UI drops ASCII spaces between the columns of a table, but keeps an em space.
COLUMN_GAP = "\u2003"
# The table is made again with each change, also by a worker that replays a long history.
ROWS_AT_MOST = 100


def state_of(  # noqa: PLR0913 - all but the first by name
    run: Run[Any],
    *,
    process_id: str,
    process_type: str,
    current_step: str,
    data: dict[str, Any],
    started_at: datetime,
    updated_at: datetime,
) -> ProcessState:
    """Return the state of a process; a parked step takes precedence over `current_step`."""
    return ProcessState(
        process_id=process_id,
        process_type=process_type,
        current_step=next(iter(run.parked), current_step),
        status=Status(run.status),
        data=data,
        history=tuple(map(_line, run.history)),
        started_at=started_at,
        updated_at=updated_at,
    )


def _line(line: Execution) -> StepExecution:
    result = line.result.model_dump(mode="json") if hasattr(line.result, "model_dump") else line.result
    return StepExecution(**(vars(line) | {"result": result}))


def undo_plan_of(plan: Plan, *, cancellable: bool, currency: str) -> UndoPlan:
    """Return a saga's undo plan as the answer of the query `undo_plan`; `amount` is the sum at risk in minor units."""
    steps = tuple(PlannedStep(**vars(undo)) for undo in plan.undos)
    amount = sum(step.at_risk for step in steps)
    return UndoPlan(cancellable=cancellable, steps=steps, amount=amount, hash=plan.hash, currency=currency)


def table_of(run: Run[Any]) -> str:
    """Return the steps as the markdown table of the Web UI's current details."""
    rows = [*_needed(run), f"**{run.status}**", "", "| step | | what | attempts | |", "|---|---|---|---|---|"]
    if len(run.history) > ROWS_AT_MOST:
        rows.append(f"| … | | {len(run.history) - ROWS_AT_MOST} earlier lines | | |")
    rows += [
        _row(line.step, line.direction, line.summary, line.attempt, line.status, line.error)
        for line in run.history[-ROWS_AT_MOST:]
    ]
    return "\n".join(rows)


# A line changes once or twice, and the table contains it again at each change of another line.
@lru_cache(maxsize=1024)
def _row(step: str, direction: str, summary: str, attempt: int, status: str, error: str | None) -> str:
    """Return a line of the history as a row."""
    sign, why = SIGNS.get(status, "✘"), f": {_cell(error)}" if error else ""
    return (
        f"| {step}{COLUMN_GAP} | {direction}{COLUMN_GAP} | {_cell(summary)} "
        f"| {COLUMN_GAP}{attempt} | {sign} {status}{why} |"
    )


def _needed(run: Run[Any]) -> list[str]:
    """Return a paragraph for each step that waits for an operator: what is parked, why, and the command that helps."""
    lines = []
    for line in run.history:
        if line.status == "parked":
            why = f" ({_cell(line.error)})" if line.error else ""
            lines += [f"**⚠ needs attention: {_cell(line.summary)} is parked**{why}: run", ""]
            lines += ["```", retry_command(run.process, line.step), "```", ""]
    return lines


def retry_command(process: str, step: str) -> str:
    """Return the command that retries a parked step, given the name of the process in keys."""
    slip = slip_of(process)
    name = ProcessName(ProcessKind.SLIP, slip) if slip else ProcessName(ProcessKind.ORDER, process)
    return f"python starter.py resolve {name.argument} {step} retry --reason 'cause fixed'"


def _cell(text: str) -> str:
    """Return a text as one cell: an argument of a slip or an error may contain links, markup, and the end of a row."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
