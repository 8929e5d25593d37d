"""The history of a run: one line for each call, wait, event and decision, in the order of their start."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from temporalio import workflow

Direction = Literal["do", "wait", "event", "settle", "undo", "probe", "resolve", "revise", "close"]


@dataclass
class Execution:
    """One line of a run's history: a call, a wait, an event or a decision.

    `status` is pending, then completed, refused, transient, unknown, timed out, cancelled, parked, skipped, waived or
    failed. `attempt` is 1-based, 0 when unknown; `result` is the reply or the audit record; `error` is one line.
    """

    step: str
    direction: Direction
    summary: str
    started_at: datetime
    status: str = "pending"
    attempt: int = 1
    completed_at: datetime | None = None
    result: Any = None
    error: str | None = None


class History(list[Execution]):
    """The lines of a run's history, oldest first."""

    def begin(self, step: str, direction: Direction, summary: str) -> Execution:
        """Append a pending line, and return it."""
        self.append(line := Execution(step, direction, summary, workflow.now()))
        return line

    def note(self, step: str, direction: Direction, summary: str, result: Any) -> None:
        """Append a line that is already completed."""
        now = workflow.now()
        self.append(Execution(step, direction, summary, now, "completed", 1, now, result))

    def last(self, step: str, direction: Direction) -> Execution:
        """Return the newest line of a step in a direction."""
        return next(line for line in reversed(self) if (line.step, line.direction) == (step, direction))
