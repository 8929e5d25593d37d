"""What people see of a run: the process state, the result, the live table. Nothing here changes anything."""

from datetime import datetime

from temporalio import workflow

from workflows.order_steps import why
from workflows.saga import Execution, PlannedUndo, Run

with workflow.unsafe.imports_passed_through():
    from models.commands import PlannedStep, UndoPlan
    from models.names import ORDER_WORKFLOW, workflow_id
    from models.order import Order
    from models.process import OrderResult, ProcessState, Status, StepExecution

SIGNS = {"completed": "✔", "pending": "…", "refused": "✘", "parked": "⚠", "skipped": "✔", "waived": "⚠"}

# The Web UI sets no space between the columns of a table; it keeps this one, which is not ASCII.
APART = "\u2003"


def state_of(run: Run, order: Order, started_at: datetime, updated_at: datetime) -> ProcessState:
    """Return where the process is."""
    return ProcessState(
        process_id=workflow_id(order.order_id),
        process_type=ORDER_WORKFLOW,
        current_step=next(iter(run.parked), run.log[-1].step if run.log else "start"),
        status=Status(run.status),
        data={"order": order.model_dump(mode="json", exclude={"ship_to", "payment"}), "answers": _answers(run)},
        history=tuple(line_of(line) for line in run.log),
        started_at=started_at,
        updated_at=updated_at,
    )


def _answers(run: Run) -> dict[str, object]:
    return {step: answer.model_dump(mode="json") for step, answer in run.answers.items()}


def line_of(line: Execution) -> StepExecution:
    """Return one line of the history."""
    result = line.result.model_dump(mode="json") if hasattr(line.result, "model_dump") else line.result
    return StepExecution(**(vars(line) | {"result": result}))


def result_of(run: Run, order: Order) -> OrderResult:
    """Return how the order ended."""
    validated, shipped = run.answers.get("validate"), run.answers.get("ship")
    back = run.unwinding
    return OrderResult(
        order_id=order.order_id,
        status=Status(run.status),
        total=validated.total if validated else None,
        tracking=shipped.tracking if shipped and not back else None,
        failed_step=run.failure.step if run.failure else None,
        reason=why(run) or None,
        undone=tuple(run.undone),
        waived=tuple(run.waived),
    )


def plan_of(undos: list[PlannedUndo], digest: str, *, cancellable: bool) -> UndoPlan:
    """Return the undo preview that people see."""
    steps = tuple(PlannedStep(**vars(undo)) for undo in undos)
    return UndoPlan(cancellable=cancellable, steps=steps, amount=sum(s.at_risk for s in steps), hash=digest)


def table_of(run: Run) -> str:
    """Return the steps as the markdown table of the Web UI's current details."""
    rows = [f"**{run.status}**", "", "| step | | what | attempts | |", "|---|---|---|---|---|"]
    for line in run.log:
        sign = SIGNS.get(line.status, "✘")
        rows.append(
            f"| {line.step}{APART} | {line.direction}{APART} | {line.summary} | {APART}{line.attempt} "
            f"| {sign} {line.status}{f': {_cell(line.error)}' if line.error else ''} |"
        )
    return "\n".join(rows)


def _cell(text: str) -> str:
    """An error's text may hold what would end a cell or a row."""
    return " ".join(text.split()).replace("|", "\\|")
