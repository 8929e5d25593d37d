"""Fault points in worker processes: a plan says at which point of which order's activity what goes wrong.

Each fault leaves a note on disk before it strikes: so it strikes once, whatever dies, and all can tell that it did.
A note is named by its rule and by what it says:

- `hit`: it struck, in which process and in which attempt;
- `struck`: what had to happen right then has happened, and the order may go on; `release`: so may what it holds;
- `lifted`: from now on it strikes no more;
- `ended`: how the attempt that it held ended, or what the same request came to when it was delivered again.
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
    "unheard",
    "kill",
    "stop",
    "signal",
]
Word = Literal["hit", "struck", "release", "lifted", "ended"]
SECONDS_BETWEEN_LOOKS = 0.01
RELAY = "relay"


@dataclass(frozen=True)
class Rule:
    """One fault: where it strikes, and how; once, unless it is `always`.

    The points of an attempt: `before` it does anything; `fenced`, an undo's receipt is written and the outside party
    not yet asked; `called`, the outside party has taken it and nothing of ours is written; `sent`, the statement ran
    and is not committed; `done`, all is committed and nobody was told; `answered`, the answer has left.

    `which` tells apart what one activity is asked for (see `called`); `mark` is a text of the statement of the point.
    """

    name: str
    order_id: str
    activity: str
    point: Point
    action: Action
    which: str = ""
    mark: str = ""
    always: bool = False


class Notes:
    """The notes of a run, in a folder that all of its processes share."""

    def __init__(self, folder: Path, seconds_between_looks: float = SECONDS_BETWEEN_LOOKS) -> None:
        self.folder = folder
        self._seconds = seconds_between_looks

    def first(self, rule: str, word: Word, **said: Any) -> bool:
        """Leave a note, whole or not at all; False when it is there already."""
        draft = self.folder / f".{uuid4().hex}"
        draft.write_text(json.dumps({"at": time.time(), **said}))
        try:
            os.link(draft, self._path(rule, word))
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def read(self, rule: str, word: Word) -> dict[str, Any] | None:
        """Return what a note says, None when there is none."""
        try:
            said: dict[str, Any] = json.loads(self._path(rule, word).read_text())
        except FileNotFoundError:
            return None
        return said

    def has(self, rule: str, word: Word) -> bool:
        """Tell whether there is such a note."""
        return self._path(rule, word).exists()

    async def until(self, rule: str, word: Word) -> dict[str, Any]:
        """Return what a note says, once there is one."""
        while (said := self.read(rule, word)) is None:
            await asyncio.sleep(self._seconds)
        return said

    def line(self, rule: str) -> Iterator[int]:
        """Yield the numbers of the attempts that a rule holds in line."""
        return takewhile(lambda number: self.has(in_line(rule, number), "hit"), count(1))

    def _path(self, rule: str, word: Word) -> Path:
        return self.folder / f"{rule}.{word}"


@dataclass(frozen=True)
class FaultPlan:
    """The faults of a run by order, and which queue serves an order that has a worker of its own."""

    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule], queues: Mapping[str, str]) -> "FaultPlan":
        """Return the plan that these rules make."""
        by_order: dict[str, tuple[Rule, ...]] = {}
        for rule in rules:
            by_order[rule.order_id] = (*by_order.get(rule.order_id, ()), rule)
        return cls(by_order, dict(queues))

    def write(self, path: Path) -> None:
        """Keep the plan for the processes that carry it out."""
        path.write_text(
            json.dumps({"rules": [asdict(r) for rs in self.rules.values() for r in rs], "queues": self.queues})
        )

    @classmethod
    def read(cls, path: Path) -> "FaultPlan":
        """Return the plan that was kept."""
        kept = json.loads(path.read_text())
        return cls.of((Rule(**rule) for rule in kept["rules"]), kept["queues"])

    def of_call(self, activity: str, args: Iterable[Any]) -> tuple[Rule, ...]:
        """Return the faults of one call of an activity."""
        order_id, which = told_apart(activity, tuple(args))
        return tuple(
            rule for rule in self.rules.get(order_id, ()) if rule.activity == activity and rule.which in {"", which}
        )


def in_line(rule: str, attempt: int) -> str:
    """Return the name of the notes of one of the attempts that a rule holds in line."""
    return f"{rule}.{attempt}"


def told_apart(activity: str, args: tuple[Any, ...]) -> tuple[str, str]:
    """Return whose call it is and what is asked: `completed` or `undone`, or the subscriber and type of an event."""
    if activity in {"handle_event", RELAY}:
        subscriber, event = args
        return event.process_id, f"{subscriber}:{event.type}"
    order_id = getattr(args[0], "order_id", "") if args else ""
    outcome = getattr(args[0], "outcome", "") if args else ""
    return str(order_id), "" if not outcome else "completed" if outcome == "completed" else "undone"
