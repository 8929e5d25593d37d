"""What people see of any run: its state, its undo plan, its live table. Nothing here changes anything."""

from datetime import datetime
from typing import Any

from temporalio import workflow

from temporal_saga import Execution, Plan, Run

with workflow.unsafe.imports_passed_through():
    from models.commands import PlannedStep, UndoPlan
    from models.process import ProcessState, Status, StepExecution

SIGNS = {"completed": "✔", "pending": "…", "refused": "✘", "parked": "⚠", "skipped": "✔", "waived": "⚠"}

# The Web UI sets no space between the columns of a table; it keeps this one, which is not ASCII.
APART = "\u2003"


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
    """Return where a process is; what is parked comes before `current_step`."""
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


def undo_plan_of(plan: Plan, *, cancellable: bool) -> UndoPlan:
    """Return the undo preview that people see."""
    steps = tuple(PlannedStep(**vars(undo)) for undo in plan.undos)
    return UndoPlan(cancellable=cancellable, steps=steps, amount=sum(s.at_risk for s in steps), hash=plan.hash)


def table_of(run: Run[Any]) -> str:
    """Return the steps as the markdown table of the Web UI's current details."""
    rows = [f"**{run.status}**", "", "| step | | what | attempts | |", "|---|---|---|---|---|"]
    for line in run.history:
        sign = SIGNS.get(line.status, "✘")
        rows.append(
            f"| {line.step}{APART} | {line.direction}{APART} | {line.summary} | {APART}{line.attempt} "
            f"| {sign} {line.status}{f': {_cell(line.error)}' if line.error else ''} |"
        )
    return "\n".join(rows)


def _cell(text: str) -> str:
    """An error's text may hold what would end a cell or a row."""
    return " ".join(text.split()).replace("|", "\\|")
