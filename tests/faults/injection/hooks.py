"""Where faults get into a worker process: around its activities and around what its relay publishes."""

import asyncio
from dataclasses import replace
from typing import Any

from temporalio import activity, client, worker
from temporalio.client import ActivityHandle, OutboundInterceptor, StartActivityInput
from temporalio.exceptions import ActivityAlreadyStartedError, ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.interceptor import as_failure
from models.errors import Final, Unavailable
from postgres.database import Database
from postgres.pipeline import Connection
from tests.faults.injection.attempts import CURRENT, Attempt
from tests.faults.injection.injecting import RELAY, FaultPlan, Notes, Point, told_apart
from tests.faults.injection.others import reused


class Faults(client.Interceptor, worker.Interceptor):
    """The interceptor of a client; a worker built on that client has it outside of its own interceptors."""

    def __init__(self, plan: FaultPlan, notes: Notes, database: Database) -> None:
        self.plan, self.notes, self.database = plan, notes, database

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        """Return what stands in the way of what the relay publishes."""
        return _Publishing(next, self)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Return what stands in the way of an activity."""
        return _Running(next, self)


class _Running(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, faults: Faults) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._plan, self._notes, self._database = faults.plan, faults.notes, faults.database

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        name = activity.info().activity_type
        await self._let_strike_first(name, told_apart(name, tuple(input.args))[0])
        rules = self._plan.of_call(name, input.args)
        if not rules:
            return await self.next.execute_activity(input)
        again = replace(input, args=[*map(reused, input.args)]) if any(r.action == "reuse" for r in rules) else input
        attempt = Attempt(rules, self._notes, lambda: self.next.execute_activity(again), self._database)
        call = asyncio.create_task(self._attempted(attempt, input))
        call.add_done_callback(attempt.tell)
        if attempt.stubborn:
            return await asyncio.shield(call)
        return await call

    async def _attempted(self, attempt: Attempt, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        CURRENT.set(attempt)
        try:
            await attempt.strike("before")
            answer = await self.next.execute_activity(input)
            await attempt.strike("done")
        except (Unavailable, Final) as error:
            # Struck outside of the boundary, and told as the boundary would.
            raise as_failure(error, activity.info().attempt) from error
        except ApplicationError:
            # Refused: that is committed, too, and is an answer.
            await attempt.strike("done")
            await attempt.strike("answered")
            raise
        await attempt.strike("answered")
        return answer

    async def _let_strike_first(self, name: str, order_id: str) -> None:
        """What follows an answer waits until the fault that strikes right after that answer has struck."""
        for rule in self._plan.rules.get(order_id, ()):
            if rule.point == "answered" and rule.activity != name and self._notes.has(rule.name, "hit"):
                await self._notes.until(rule.name, "struck")


class RelayRound(Attempt):
    """What a relay has published since its last commit: the faults of each may strike around that commit, too."""

    def __init__(self, faults: Faults) -> None:
        super().__init__((), faults.notes, self._nothing, faults.database)
        self.published: list[Attempt] = []

    async def _nothing(self) -> None:
        """There is nothing to repeat but what was published, each by itself."""

    async def strike(
        self, point: Point, query: bytes = b"", connection: Connection | None = None, *, committed: bool = False
    ) -> None:
        """Have the faults happen of all that was published."""
        for attempt in self.published:
            await attempt.strike(point, query, connection, committed=committed)

    async def committed(self) -> None:
        """Begin anew, once the faults have struck that come right after a commit."""
        await self.strike("done")
        self.published.clear()


class _Publishing(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, faults: Faults) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._plan, self._notes, self._database = faults.plan, faults.notes, faults.database

    async def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - the SDK's name
        order_id, _ = told_apart(RELAY, tuple(input.args))
        input.task_queue = self._plan.queues.get(order_id, input.task_queue)
        rules = self._plan.of_call(RELAY, input.args)
        attempt = Attempt(rules, self._notes, lambda: self.next.start_activity(input), self._database)
        await attempt.strike("before")
        try:
            handle = await self.next.start_activity(input)
        except ActivityAlreadyStartedError:
            # What followed was lost then, with the fault of another order.
            await self._published(attempt)
            raise
        await self._published(attempt)
        return handle

    async def _published(self, attempt: Attempt) -> None:
        await attempt.strike("called")
        if isinstance(relay := CURRENT.get(), RelayRound):
            relay.published.append(attempt)
