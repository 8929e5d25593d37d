"""Fault points in worker processes: a plan defines which fault strikes at which point of which order's activity.

Each fault leaves a note on disk before it strikes: so it strikes once, whichever process dies, and every process
knows. A note is named by its rule and its kind:

- `hit`: the fault struck, with the process and the attempt;
- `struck`: everything that belongs to the strike has happened, and the order may continue;
- `release`: the held attempt may continue;
- `lifted`: the fault strikes no more;
- `ended`: the outcome of the held attempt, or of the repeated request.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from models.names import TASK_QUEUE

Point = Literal["before", "fenced", "called", "sent", "done", "answered"]
Action = Literal[
    "error",
    "final",
    "hang",
    "lose",
    "duplicate",
    "reuse",
    "rival",
    "cross",
    "hold",
    "line",
    "stand",
    "await-cancel",
    "kill",
    "stop",
    "signal",
    "read-only",
    "settle",
    "settle-pay",
    "settle-fail",
    "settle-hang",
    "release",
]
NoteKind = Literal["hit", "struck", "release", "lifted", "ended"]
SECONDS_BETWEEN_LOOKS = 0.01
RELAY = "relay"


@dataclass(frozen=True)
class Rule:
    """A fault: the point at which it strikes and its action; it strikes once, unless `always` is set.

    The points of an attempt: `before`, the attempt has done nothing; `fenced`, the undo's receipt is written and the
    outside party not yet called; `called`, the outside party has accepted the call and nothing is written here; `sent`,
    the statement ran without its commit; `done`, everything is committed and no answer was sent; `answered`, the
    answer was sent.

    `behind` names a rule that must have struck before. `which` distinguishes the requests of one activity (see
    `target_of`); `mark` is a text in the point's statement.
    """

    name: str
    order_id: str
    activity: str
    point: Point
    action: Action
    which: str = ""
    mark: str = ""
    always: bool = False
    behind: str = ""


class Notes:
    """The notes of a run in a folder that all its processes share."""

    def __init__(self, folder: Path, seconds_between_looks: float = SECONDS_BETWEEN_LOOKS) -> None:
        self.folder = folder
        self._seconds = seconds_between_looks

    def first(self, rule: str, kind: NoteKind, **note: Any) -> bool:
        """Create a note atomically; return False when the note exists already."""
        draft = self.folder / f".{uuid4().hex}"
        draft.write_text(json.dumps({"at": time.time(), **note}))
        try:
            os.link(draft, self._path(rule, kind))
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def read(self, rule: str, kind: NoteKind) -> dict[str, Any] | None:
        """Return the content of a note, None without one."""
        try:
            note: dict[str, Any] = json.loads(self._path(rule, kind).read_text())
        except FileNotFoundError:
            return None
        return note

    def has(self, rule: str, kind: NoteKind) -> bool:
        """Return whether a note exists."""
        return self._path(rule, kind).exists()

    async def until(self, rule: str, kind: NoteKind) -> dict[str, Any]:
        """Wait for a note and return its content."""
        while (note := self.read(rule, kind)) is None:
            await asyncio.sleep(self._seconds)
        return note

    def line(self, rule: str) -> Iterator[int]:
        """Yield the numbers of the attempts that a rule of the action `line` holds."""
        return takewhile(lambda number: self.has(in_line(rule, number), "hit"), count(1))

    def _path(self, rule: str, kind: NoteKind) -> Path:
        return self.folder / f"{rule}.{kind}"


@dataclass(frozen=True)
class FaultPlan:
    """The faults of a run by order, and the task queue of each order that has a dedicated worker."""

    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule], queues: Mapping[str, str]) -> "FaultPlan":
        """Return the plan with these rules."""
        by_order: dict[str, tuple[Rule, ...]] = {}
        for rule in rules:
            by_order[rule.order_id] = (*by_order.get(rule.order_id, ()), rule)
        return cls(by_order, dict(queues))

    def write(self, path: Path) -> None:
        """Write the plan to a file for the worker processes."""
        path.write_text(
            json.dumps({"rules": [asdict(r) for rs in self.rules.values() for r in rs], "queues": self.queues})
        )

    @classmethod
    def read(cls, path: Path) -> "FaultPlan":
        """Return the plan in a file of `write`."""
        kept = json.loads(path.read_text())
        return cls.of((Rule(**rule) for rule in kept["rules"]), kept["queues"])

    def of_call(self, activity: str, args: Iterable[Any]) -> tuple[Rule, ...]:
        """Return the faults of one call of an activity."""
        order_id, which = target_of(activity, tuple(args))
        return tuple(
            rule for rule in self.rules.get(order_id, ()) if rule.activity == activity and rule.which in {"", which}
        )


def queue_in(dedicated: str, usual: str) -> str:
    """Return the task queue in place of a usual one; `dedicated` is the one of the worker process for the orders."""
    return usual if dedicated == TASK_QUEUE else dedicated if usual == TASK_QUEUE else f"{dedicated}-{usual}"


def in_line(rule: str, attempt: int) -> str:
    """Return the rule name in the notes of one attempt that a rule of the action `line` holds."""
    return f"{rule}.{attempt}"


def target_of(activity: str, args: tuple[Any, ...]) -> tuple[str, str]:
    """Return a call's order id, and what it requests: `completed` or `undone`, or an event's subscriber and type."""
    if activity in {"handle_event", RELAY}:
        subscriber, event = args
        return event.process_id, f"{subscriber}:{event.type}"
    order_id = getattr(args[0], "order_id", "") if args else ""
    outcome = getattr(args[0], "outcome", "") if args else ""
    return str(order_id), "" if not outcome else "completed" if outcome == "completed" else "undone"
