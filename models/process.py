"""The state of a process, the history of its steps, and its result."""

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
        """Return whether the order has ended."""
        return self in {Status.COMPLETED, Status.COMPENSATED, Status.CANCELLED, Status.FAILED}


UNDONE = frozenset({Status.COMPENSATED, Status.CANCELLED})


class Style(StrEnum):
    """The style of an order: orchestrated by a workflow, or choreographed by the events of the services."""

    ORCHESTRATED = "orchestrated"
    CHOREOGRAPHED = "choreographed"


class StepExecution(Message):
    """One line of a process's history, as JSON; temporal_saga.Execution describes its fields."""

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
    """The answer of the query `state`; `data` depends on the type of the process."""

    process_id: str
    process_type: str
    current_step: str
    status: Status
    data: dict[str, Any]
    history: tuple[StepExecution, ...]
    started_at: datetime
    updated_at: datetime


class OrderResult(Message):
    """The result of an order: returned by the workflow, or in the details of its failure."""

    order_id: str
    status: Status
    total: Money | None = None
    tracking: str | None = None
    failed_step: str | None = None
    reason: str | None = None
    undone: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
