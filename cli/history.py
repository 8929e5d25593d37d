"""`history`: what Temporal recorded of an order's activities, for which it needs no worker, and what people decided."""

from typing import Any

from temporalio.service import RPCError, RPCStatusCode

from cli import intake, render
from cli.events import ActivityLine, activity_lines
from cli.following import state_of
from cli.options import AsJson, OrderId
from cli.output import Output, plain
from cli.placing import Handle
from cli.running import run_to_end
from cli.session import session
from cli.slips import run_named
from models.errors import NotFound
from models.process import StepExecution

Decision = dict[str, Any]


def history(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show each activity of an order with its attempts, times and errors, also while it is being retried."""
    run_to_end(_history(intake.order_id(order_id), Output(as_json)))


async def _history(order_id: str, output: Output) -> None:
    async with session() as opened:
        client = await opened.client()
        run = await run_named(order_id, client)
        lines = await _lines(order_id, run, client.data_converter)
        state = await state_of(run)
    decisions = None if state is None else [_decision(line) for line in state.history if line.direction == "resolve"]
    if decisions is None:
        output.note("no worker answers: what people decided is not known now")
    document = {"order_id": order_id, "activities": lines, "decisions": decisions}
    output.answer(document, _shown(lines), *_decided(decisions or []))


async def _lines(order_id: str, run: Handle, converter: Any) -> list[ActivityLine]:
    try:
        described = await run.describe()
        recorded = await run.fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise NotFound(f"Temporal has no history of order {order_id}") from None
    return await activity_lines(recorded.events, described.raw_description.pending_activities, converter)


def _decision(line: StepExecution) -> Decision:
    """A person's decision, as the order's own history has it: what, who, why."""
    return {"step": line.step, "verb": line.summary, "at": line.started_at.isoformat(), **(line.result or {})}


def _decided(decisions: list[Decision]) -> list[Any]:
    if not decisions:
        return []
    shown = render.table("step", "decision", "at", "by", "why", "evidence, request", title="\nDecisions")
    for each in decisions:
        more = " ".join(str(each[name]) for name in ("evidence", "request") if name in each)
        cells = [each.get(name) for name in ("step", "verb", "at", "actor", "reason")]
        shown.add_row(*map(render.cell, (*cells, more)))
    return [shown]


def _shown(lines: list[ActivityLine]) -> Any:
    if not lines:
        return "nothing was done yet"
    shown = render.table("activity", "status", "attempts", "started", "took", "what")
    for line in lines:
        what = render.cell(line.summary)
        if line.error:
            what.append(f" · {plain(line.error)}", style="red")
        if line.next_attempt_at:
            what.append(f" · again at {line.next_attempt_at.astimezone():%H:%M:%S}")
        started = f"{line.started_at.astimezone():%H:%M:%S}" if line.started_at else ""
        took = render.took(line.started_at, line.ended_at)
        shown.add_row(line.activity, render.styled(line.status), str(line.attempts), started, took, what)
    return shown
