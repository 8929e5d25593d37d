"""What Temporal has of the workflows of a run: how each ended, the saga's own log, and whether its history replays."""

from dataclasses import dataclass
from typing import Any, Literal

# How a run ends that has no say in it: no workflow code runs then.
CUT_SHORT = frozenset({"terminated", "timed_out"})


@dataclass(frozen=True)
class LogLine:
    """A line of a saga's own log; `result` is kept of a person's decision: who made it, and why."""

    step: str
    direction: str
    status: str
    attempt: int
    started_at: float
    completed_at: float | None
    summary: str = ""
    error: str | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True)
class ObservedProcess:
    """One run of a workflow: how Temporal says that it ended, how it says so itself, and the saga's own log.

    `status` is Temporal's, in lower case; `outcome` is the order's, by the run's result or, while it runs, its state.
    `began` tells what made the run, `failure` is the type of the error that it ended with, and `task_failures` are
    the causes of its failed workflow tasks.
    """

    workflow_id: str
    run_id: str
    type: str
    order_id: str
    status: str
    outcome: str | None
    began: Literal["start", "reset", "continued"]
    started_at: float
    closed_at: float | None
    log: tuple[LogLine, ...] = ()
    failure: str = ""
    task_failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What came of replaying a history on today's code; no error when it went well."""

    workflow_id: str
    run_id: str
    error: str = ""
