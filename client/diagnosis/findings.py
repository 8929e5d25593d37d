"""What a diagnosis finds: a process without progress, its cause, and what helps."""

from datetime import datetime
from enum import StrEnum

from models.base import Message
from models.money import Money


class Cause(StrEnum):
    """Why a process makes no progress."""

    NO_POLLER = "no_poller"
    WORKERS_BUSY = "workers_busy"
    TASK_FAILING = "task_failing"
    RETRYING = "retrying"
    PAUSED = "paused"
    PARKED = "parked"
    WAITING = "waiting"
    GONE = "gone"
    DEAD_LETTER = "dead_letter"
    SILENT = "silent"
    UNDELIVERED = "undelivered"
    RECONCILER_FAILING = "reconciler_failing"


class StuckProcess(Message):
    """A process without progress: the cause, since when, and what helps.

    `help` is one sentence. `help_command` can be run as it is, None when there is nothing to run; `alternatives` are
    the commands of the other decisions. `step`, `direction` and `failure` say where it stands and what failed, if a
    step does. `at_risk` is in minor units of `currency`, which is None when it is not known.
    """

    process_id: str
    cause: Cause
    detail: str
    help: str
    help_command: str | None = None
    alternatives: tuple[str, ...] = ()
    step: str | None = None
    direction: str | None = None
    failure: str | None = None
    since: datetime | None = None
    at_risk: int = 0
    currency: str | None = None


class StuckGroup(Message):
    """The processes with the same cause, step and failure: how many, since when, and the money at risk per currency.

    `help` is what to do or to know first, and may be empty. `commands` are the commands that help: one for all where
    there is one, otherwise those of each process.
    """

    cause: Cause
    step: str | None
    direction: str | None
    failure: str | None
    detail: str
    help: str
    commands: tuple[str, ...]
    alternatives: tuple[str, ...]
    count: int
    processes: tuple[str, ...]
    since: datetime | None
    at_risk: tuple[Money, ...]
