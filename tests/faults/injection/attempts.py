"""An attempt of an activity, and the faults at its points."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from models.participants import Owner
from postgres.database import Database
from postgres.pipeline import Connection
from services.databases import Databases
from tests.faults.injection.actions import ACTIONS
from tests.faults.injection.injecting import Action, Notes, Point, Rule, in_line

# The attempt that the current task works on; FaultyDatabase reads it.
CURRENT: ContextVar["Attempt | None"] = ContextVar("current_attempt", default=None)
# With these faults an abandoned attempt must still continue, as a call that had already left.
STUBBORN: frozenset[Action] = frozenset({"hold", "line", "stop"})
WRITES = (b"insert into", b"update ")


class Attempt:
    """An attempt: the faults that may strike it; `again` runs the same request another time without faults."""

    def __init__(
        self,
        rules: Sequence[Rule],
        notes: Notes,
        again: Callable[[], Awaitable[Any]],
        databases: Databases,
        owner: Owner = "orders",
    ) -> None:
        self.rules, self.notes, self.databases, self.owner = rules, notes, databases, owner
        self.struck: list[Rule] = []
        self.number = 0
        self._again = again
        self._others: list[tuple[Rule, asyncio.Task[Any]]] = []

    @property
    def database(self) -> Database:
        """The database of the service that makes the attempt."""
        return self.databases.owned_by(self.owner)

    @property
    def stubborn(self) -> bool:
        """Whether the attempt continues after it was abandoned."""
        return any(rule.action in STUBBORN for rule in self.rules)

    def at(self, point: Point, query: bytes = b"") -> list[Rule]:
        """Return the faults of a point, or of a statement that writes the text of their mark."""
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
        """Apply the faults of a point; a lost answer is lost after the commit."""
        for rule in self.at(point, query):
            if (rule.action == "lose") == committed and self.claim(rule):
                self.struck.append(rule)
                await ACTIONS[rule.action](self, rule, connection)

    async def committed(self) -> None:
        """Do nothing; a RelayRound overrides this method."""

    def claim(self, rule: Rule) -> bool:
        """Leave the note that a fault strikes; return False when the fault has struck already and strikes only once."""
        if self.notes.has(rule.name, "lifted") or (rule.behind and not self.notes.has(rule.behind, "struck")):
            return False
        info = activity.info() if activity.in_activity() else None
        self.number = info.attempt if info else 0
        details = {"attempt": info.attempt, "activity_id": info.activity_id, "local": info.is_local} if info else {}
        return self.notes.first(rule.name, "hit", pid=os.getpid(), **details) or rule.always

    def again(self, rule: Rule) -> asyncio.Task[Any]:
        """Run the same request concurrently, without faults."""
        task = asyncio.create_task(self._undisturbed(rule))
        # Retrieve the exception: the notes record a failure.
        task.add_done_callback(outcome_of)
        self._others.append((rule, task))
        return task

    def beside(self, rule: Rule, other: asyncio.Task[Any]) -> None:
        """Record the outcome of another call that runs beside this attempt."""
        self._others.append((rule, other))

    async def _undisturbed(self, rule: Rule) -> Any:
        CURRENT.set(None)
        if rule.point == "answered":
            await self.notes.until(rule.name, "release")
        return await self._again()

    def record(self, call: "asyncio.Future[Any]") -> None:
        """Record the outcomes of this attempt and of the other runs of its request."""
        if not call.cancelled():
            call.exception()  # retrieved here, since the caller may have abandoned the call
        for rule in self.struck:
            if rule.action in STUBBORN:
                self.notes.first(rule.name, "ended", late=outcome_of(call))
            if rule.action == "line":
                self.notes.first(in_line(rule.name, self.number), "ended", late=outcome_of(call))
        for rule, other in self._others:
            other.add_done_callback(partial(self._record_both, rule, call))

    def _record_both(self, rule: Rule, call: "asyncio.Future[Any]", other: "asyncio.Future[Any]") -> None:
        self.notes.first(rule.name, "ended", late=outcome_of(other), first=outcome_of(call))


def outcome_of(call: "asyncio.Future[Any]") -> str:
    """Return the outcome of a call as text: its answer, or the type of its error."""
    if call.cancelled():
        return "error: CancelledError"
    error = call.exception()
    if error is not None:
        return f"error: {error.type if isinstance(error, ApplicationError) else type(error).__name__}"
    answer = call.result()
    # The number of the attempt and the `new` flag may differ between runs.
    kept = answer.model_dump(mode="json", exclude={"attempt", "new"}) if hasattr(answer, "model_dump") else answer
    return f"answer: {kept}"
