"""Read-only views of a routing slip: its state, its result and the table in the Web UI."""

from datetime import datetime
from typing import Any

from temporalio import workflow

from workflows.routing_slip.ends import SlipRun
from workflows.states import COLUMN_GAP, state_of, table_of

with workflow.unsafe.imports_passed_through():
    from models.names import SLIP_WORKFLOW, slip_workflow_id
    from models.process import ProcessState
    from models.slips.slip import CURRENCY, SlipResult, is_own


def _answers(run: SlipRun) -> dict[str, Any]:
    """Return the answers of the stops, by name; later stops use them as variables."""
    answers = {name: answer for name, answer in run.answers.items() if hasattr(answer, "model_dump")}
    return {name: answer.model_dump(mode="json") for name, answer in answers.items() if not is_own(name)}


def state_of_slip(run: SlipRun, started_at: datetime, updated_at: datetime) -> ProcessState:
    """Return the state of the slip."""
    itinerary, slip = run.subject, run.subject.slip
    return state_of(
        run,
        process_id=slip_workflow_id(slip.slip_id),
        process_type=SLIP_WORKFLOW,
        current_step=run.begun[-1].name if run.begun else "start",
        data={
            "version": itinerary.version,
            "itinerary": [{"name": stop.name, "activity": stop.activity} for stop in itinerary.stops],
            "ahead": [stop.name for stop in itinerary.ahead(run)],
            "hops_left": slip.max_hops - sum(not is_own(step.name) for step in run.begun),
            "terminated": itinerary.terminated,
            "answers": _answers(run),
            "currency": CURRENCY,
        },
        started_at=started_at,
        updated_at=updated_at,
    )


def result_of(run: SlipRun) -> SlipResult:
    """Return the result of the slip."""
    itinerary = run.subject
    terminated = itinerary.terminated if not run.unwinding else None
    outcome = run.outcome
    return SlipResult(
        slip_id=itinerary.slip.slip_id,
        status="terminated" if terminated and outcome == "completed" else outcome,
        version=itinerary.version,
        failed_step=run.failure.step if run.failure else None,
        reason=run.reason or terminated or None,
        undone=tuple(run.undone),
        waived=tuple(run.waived),
        answers=_answers(run),
    )


def table_of_slip(run: SlipRun) -> str:
    """Return the completed stops and those ahead as the markdown table of the Web UI's current details."""
    ahead = [] if run.unwinding else run.subject.ahead(run)
    rows = [f"| {stop.name}{COLUMN_GAP} | ahead{COLUMN_GAP} | {stop.activity} | | |" for stop in ahead]
    return "\n".join([table_of(run), *rows, "", f"version {run.subject.version}"])
