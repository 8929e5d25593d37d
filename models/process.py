"""Where a process is: the seed's process state, its history of steps, its result."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from models.base import Message
from models.money import Money


class Status(StrEnum):
    """The states of an order; the last four are final."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPENSATING = "compensating"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self in {Status.COMPLETED, Status.COMPENSATED, Status.CANCELLED, Status.FAILED}


UNDONE = frozenset({Status.COMPENSATED, Status.CANCELLED})


class Style(StrEnum):
    """Who leads an order to its end: a workflow, or the events of the services."""

    ORCHESTRATED = "orchestrated"
    CHOREOGRAPHED = "choreographed"


class StepExecution(Message):
    """One step done, or undone: when, on which attempt, and how it ended."""

    step: str
    direction: str
    status: str
    attempt: int
    started_at: datetime
    completed_at: datetime | None = None
    summary: str = ""
    result: Any = None
    error: str | None = None


class ProcessState(Message):
    """What the query `state` answers."""

    process_id: str
    process_type: str
    current_step: str
    status: Status
    data: dict[str, Any]
    history: tuple[StepExecution, ...]
    started_at: datetime
    updated_at: datetime


class OrderResult(Message):
    """How an order ended: what the workflow returns, or carries in the details of its failure."""

    order_id: str
    status: Status
    total: Money | None = None
    tracking: str | None = None
    failed_step: str | None = None
    reason: str | None = None
    undone: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
