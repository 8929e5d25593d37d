"""Render orders and their steps for a terminal."""

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import plain
from models.commands import CommandAccepted
from models.names import ProcessKind, ProcessName
from models.process import OrderResult, ProcessState, Status, StepExecution
from models.slips.slip import SlipCommandAccepted, SlipResult

STYLE = {
    "completed": "green",
    "pending": "yellow",
    "running": "yellow",
    "waiting": "cyan",
    "failed": "red",
    "refused": "red",
    "compensated": "magenta",
    "compensating": "magenta",
    "cancelled": "magenta",
    "needs_attention": "bold red",
}
MARK = {"completed": "✓", "pending": "…"}


def styled(status: str) -> Text:
    """Return a status in its colour."""
    return Text(plain(status), style=STYLE.get(status, ""))


def cell(text: object) -> Text:
    """Return a table cell with exactly this text, without markup."""
    return Text(plain("" if text is None else str(text)))


class Rows(Table):
    """A table whose cells are texts without markup, each on one line."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row; a cell that is plain text is neutralised."""
        super().add_row(*(cell(each) if isinstance(each, str) else each for each in cells), **options)


def table(*columns: str, title: str = "") -> Rows:
    """Return an empty table with these columns: no borders, title on the left."""
    made = Rows(box=None, pad_edge=False, title=title or None, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, header_style="dim", overflow="fold")
    return made


def took(started: datetime | None, completed: datetime | None) -> str:
    """Return a duration such as "0.12 s"; empty while it runs."""
    return f"{(completed - started).total_seconds():.2f} s" if started and completed else ""


def amount(minor: int) -> str:
    """Return an amount in minor units as "49.70"; empty for zero."""
    return f"{minor / 100:.2f}" if minor else ""


def steps(history: tuple[StepExecution, ...]) -> Table:
    """Return the steps and undos of a process, one line each."""
    made = table("step", "do/undo", "status", "attempt", "took", "what")
    for each in history:
        what = Text(plain(each.summary + _audit(each)))
        if each.error:
            what.append(f"{' · ' * bool(each.summary)}{plain(each.error)}", style="red")
        duration = took(each.started_at, each.completed_at)
        made.add_row(each.step, each.direction, styled(each.status), str(each.attempt), duration, what)
    return made


def _audit(line: StepExecution) -> str:
    """Return the actor and reason of a decision, empty for other lines."""
    if line.direction != "resolve" or not isinstance(line.result, dict):
        return ""
    return f" · {line.result.get('actor')}: {line.result.get('reason')}"


def trail(state: ProcessState | None) -> Text:
    """Return the steps of an order on one line, an arrow for an undo: ✓reserve ✗charge ↶reserve."""
    line = Text()
    for each in state.history if state else ():
        if each.direction == "close":  # internal, and implied by the status
            continue
        # Without a space inside a step, a narrow terminal breaks the line only between steps.
        mark = MARK.get(each.status, "✗")
        if each.direction == "undo":
            mark = "↶" if mark == "✓" else f"↶{mark}"
        retried = f"×{each.attempt}" if each.attempt > 1 else ""
        line.append(plain(f"{mark}{each.step}{retried}"), style=STYLE.get(each.status, "red")).append(" ")
    return line


def live(name: str, state: ProcessState | None) -> RenderableType:
    """Return the current state of a process for a live display."""
    if state is None:
        return Text(f"{plain(name)}: waiting for a worker …", style="yellow")
    head = Text.assemble(f"{plain(name)}: ", styled(state.status.value))
    return Group(head, steps(state.history))


def process(accepted: CommandAccepted | SlipCommandAccepted) -> str:
    """Return the name of the process that accepted a command, such as "order o-1"."""
    return f"slip {accepted.slip_id}" if isinstance(accepted, SlipCommandAccepted) else f"order {accepted.order_id}"


def named(accepted: CommandAccepted | SlipCommandAccepted) -> ProcessName:
    """Return the process that accepted a command."""
    if isinstance(accepted, SlipCommandAccepted):
        return ProcessName(ProcessKind.SLIP, accepted.slip_id)
    return ProcessName(ProcessKind.ORDER, accepted.order_id)


def order_id(name: ProcessName) -> str:
    """Return the value of `order_id` in JSON: an order's id, or the workflow id of a slip."""
    return name.id if name.kind is ProcessKind.ORDER else name.workflow_id


def result(ended: OrderResult | SlipResult) -> Text:
    """Return the result of an order or a slip on one line."""
    name = f"order {ended.order_id}" if isinstance(ended, OrderResult) else f"slip {ended.slip_id}"
    line = Text.assemble(f"{plain(name)} ", styled(str(ended.status)))
    if isinstance(ended, OrderResult) and ended.total:
        line.append(f" · {ended.total}")
    if isinstance(ended, OrderResult) and ended.tracking:
        line.append(f" · parcel {plain(ended.tracking)}")
    if ended.failed_step and not (ended.reason or "").startswith(f"{ended.failed_step}: "):
        line.append(f" · step {plain(ended.failed_step)}")
    if ended.reason:
        line.append(f" · {plain(ended.reason)}")
    if ended.undone:
        line.append(f" · undone: {plain(', '.join(ended.undone))}")
    if ended.status == Status.NEEDS_ATTENTION:
        line.append(" · waits for an operator")
    return line
