"""Records of workflow runs: how each run ended, the saga's own log, and the result of its replay."""

from dataclasses import dataclass
from typing import Any, Literal

# Statuses of a run that was ended from outside: no workflow code runs then.
CUT_SHORT = frozenset({"terminated", "timed_out"})
# Log statuses of an effect that is or was parked: `retry`, `edit` and `unwind` leave the line as `failed`.
EVER_PARKED = frozenset({"parked", "skipped", "waived", "failed"})


@dataclass(frozen=True)
class LogLine:
    """A line of a saga's own log; `result` is kept only for an operator's decision: actor and reason."""

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
    """One run of a workflow: its status in Temporal, its own outcome, and the saga's log.

    `status` is Temporal's, in lower case; `outcome` is the order's status in the run's result, or in its state while
    the run is open. `began` is how the run was created, `failure` the type of the error that ended it, and
    `task_failures` are the causes of its failed workflow tasks.
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
    """The result of replaying a history on the current code; an empty `error` means success."""

    workflow_id: str
    run_id: str
    error: str = ""
