"""`history`: the activities of an order, which Temporal recorded, and the operators' decisions."""

from datetime import datetime
from typing import Any

from cli import intake, render
from cli.options import AsJson, ProcessId
from cli.output import Output, plain
from cli.run import run_to_end
from client.history.activity_lines import ActivityLine
from client.history.recorded import Decision
from models.moments import moment
from orders import connect


def history(process: ProcessId, as_json: AsJson = False) -> None:
    """Show each activity of an order or a slip with its attempts, times and errors, also while it is retried."""
    run_to_end(_history(intake.process(process), Output(as_json)))


async def _history(process: str, output: Output) -> None:
    async with connect() as orders:
        found = await orders.history(process)
    if found.decisions is None:
        output.note("no worker answers: the operators' decisions are unknown until a worker runs")
    document = {
        "order_id": render.order_id(found.name),
        "process": found.name.path,
        "activities": found.activities,
        "decisions": found.decisions,
        "cancels": found.cancels,
    }
    output.answer(document, _shown(found.activities), *_decided([*found.cancels, *(found.decisions or [])]))


def _decided(decisions: list[Decision]) -> list[Any]:
    if not decisions:
        return []
    shown = render.table("step", "decision", "at", "by", "why", "evidence, request", title="\nDecisions")
    for each in decisions:
        more = " ".join(str(each[name]) for name in ("evidence", "request") if name in each)
        at = moment(datetime.fromisoformat(each["at"]))
        cells = (each.get("step"), each["verb"], at, each.get("actor"), each.get("reason"), more)
        shown.add_row(*map(render.cell, cells))
    return [shown]


def _shown(lines: list[ActivityLine]) -> Any:
    if not lines:
        return "no activity has been scheduled yet"
    shown = render.table("activity", "status", "attempts", "started", "took", "detail")
    for line in lines:
        what = render.cell(line.summary)
        if line.error:
            what.append(f" · {plain(line.error)}", style="red")
        if line.next_attempt_at:
            what.append(f" · next attempt at {moment(line.next_attempt_at)}")
        started = moment(line.started_at) if line.started_at else ""
        took = render.took(line.started_at, line.ended_at)
        shown.add_row(line.activity, render.styled(line.status), str(line.attempts), started, took, what)
    return shown
