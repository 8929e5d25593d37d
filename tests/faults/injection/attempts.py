"""One attempt of an activity, and what a fault does to it at one of its points."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from postgres.database import Database
from postgres.pipeline import Connection
from tests.faults.injection.actions import ACTIONS
from tests.faults.injection.injecting import Action, Notes, Point, Rule, in_line

# The attempt that the current task works on; statements of the database look here.
CURRENT: ContextVar["Attempt | None"] = ContextVar("current_attempt", default=None)
# An attempt that is given up must still go on, as a call that had left already.
STUBBORN: frozenset[Action] = frozenset({"hold", "line", "stop"})
WRITES = (b"insert into", b"update ")


class Attempt:
    """One attempt: the faults that may strike it, and how the same request is run once more without any."""

    def __init__(
        self, rules: Sequence[Rule], notes: Notes, again: Callable[[], Awaitable[Any]], database: Database | None = None
    ) -> None:
        self.rules, self.notes, self.database = rules, notes, database
        self.struck: list[Rule] = []
        self.number = 0
        self._again = again
        self._others: list[tuple[Rule, asyncio.Task[Any]]] = []

    @property
    def stubborn(self) -> bool:
        """Whether it goes on when it was given up."""
        return any(rule.action in STUBBORN for rule in self.rules)

    def at(self, point: Point, query: bytes = b"") -> list[Rule]:
        """Return the faults of a point, or of this statement: one that writes what their mark says."""
        writes = any(word in query for word in WRITES)
        if query and not writes:
            return []
        return [
            rule
            for rule in self.rules
            if rule.point == point and bool(rule.mark) == writes and rule.mark.encode() in query
        ]

    async def strike(
        self, point: Point, query: bytes = b"", connection: Connection | None = None, *, committed: bool = False
    ) -> None:
        """Have the faults of a point happen; what is lost is lost after the commit."""
        for rule in self.at(point, query):
            if (rule.action == "lose") == committed and self.claim(rule):
                self.struck.append(rule)
                await ACTIONS[rule.action](self, rule, connection)

    async def committed(self) -> None:
        """Take note of a commit."""

    def claim(self, rule: Rule) -> bool:
        """Leave the note that it strikes; False when it has struck and does so only once."""
        if self.notes.has(rule.name, "lifted"):
            return False
        info = activity.info() if activity.in_activity() else None
        self.number = info.attempt if info else 0
        said = {"attempt": info.attempt, "activity_id": info.activity_id, "local": info.is_local} if info else {}
        return self.notes.first(rule.name, "hit", pid=os.getpid(), **said) or rule.always

    def again(self, rule: Rule) -> asyncio.Task[Any]:
        """Run the same request once more, beside this one and free of faults."""
        task = asyncio.create_task(self._undisturbed(rule))
        # It may fail, and that is for whoever reads the notes.
        task.add_done_callback(told)
        self._others.append((rule, task))
        return task

    def beside(self, rule: Rule, other: asyncio.Task[Any]) -> None:
        """Note how another call ends that is made beside this one."""
        self._others.append((rule, other))

    async def _undisturbed(self, rule: Rule) -> Any:
        CURRENT.set(None)
        if rule.point == "answered":
            await self.notes.until(rule.name, "release")
        return await self._again()

    def tell(self, call: "asyncio.Future[Any]") -> None:
        """Note how this attempt ended, and what the same request came to the other times."""
        if not call.cancelled():
            call.exception()  # who gave it up will not ask
        for rule in self.struck:
            if rule.action in STUBBORN:
                self.notes.first(rule.name, "ended", late=told(call))
            if rule.action == "line":
                self.notes.first(in_line(rule.name, self.number), "ended", late=told(call))
        for rule, other in self._others:
            other.add_done_callback(partial(self._tell_both, rule, call))

    def _tell_both(self, rule: Rule, call: "asyncio.Future[Any]", other: "asyncio.Future[Any]") -> None:
        self.notes.first(rule.name, "ended", late=told(other), first=told(call))


def told(call: "asyncio.Future[Any]") -> str:
    """Return how a call ended: its answer, or the type of its error."""
    if call.cancelled():
        return "error: CancelledError"
    error = call.exception()
    if error is not None:
        return f"error: {error.type if isinstance(error, ApplicationError) else type(error).__name__}"
    answer = call.result()
    # On which attempt it came, and whether it was news, differs and may.
    kept = answer.model_dump(mode="json", exclude={"attempt", "new"}) if hasattr(answer, "model_dump") else answer
    return f"answer: {kept}"
