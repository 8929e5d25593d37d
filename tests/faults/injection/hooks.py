"""The hooks for faults in a worker process: around its activities and around its relay's publishing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from temporalio import activity, client, worker
from temporalio.client import ActivityHandle, OutboundInterceptor, StartActivityInput
from temporalio.exceptions import ActivityAlreadyStartedError, ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.interceptor import as_failure
from messaging.outbox.statements import READ, of_schema
from models.choreography import EventDelivery, event_of
from models.errors import Final, Unavailable
from models.participants import service_of
from postgres.database import Database
from postgres.pipeline import Connection
from services.databases import Databases
from tests.faults.injection.attempts import CURRENT, Attempt
from tests.faults.injection.injecting import RELAY, FaultPlan, Notes, Point, queue_in, target_of
from tests.faults.injection.others import reused


class Faults(client.Interceptor, worker.Interceptor):
    """The interceptor of a client; on a worker of that client it runs outside of the worker's own interceptors."""

    def __init__(self, plan: FaultPlan, notes: Notes, databases: Databases) -> None:
        self.plan, self.notes, self.databases = plan, notes, databases

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        """Return the interceptor of the relay's publishing."""
        return _Publishing(next, self)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Return the interceptor of activities."""
        return _Running(next, self)


class _Running(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, faults: Faults) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._plan, self._notes, self._databases = faults.plan, faults.notes, faults.databases

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        name = activity.info().activity_type
        named = await _named(self._databases, input.args)
        await self._wait_for_earlier_faults(name, target_of(name, named)[0])
        rules = self._plan.of_call(name, named)
        if not rules:
            return await self.next.execute_activity(input)
        again = replace(input, args=[*map(reused, input.args)]) if any(r.action == "reuse" for r in rules) else input
        owner = delivered.subscriber if (delivered := _delivery(input.args)) else service_of(name) or "orders"
        attempt = Attempt(rules, self._notes, lambda: self.next.execute_activity(again), self._databases, owner)
        call = asyncio.create_task(self._attempted(attempt, input))
        call.add_done_callback(attempt.record)
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
            # The fault struck outside of the product's error boundary: convert its error as the boundary would.
            raise as_failure(error, activity.info().attempt) from error
        except ApplicationError:
            # A refusal is committed and is an answer, too.
            await attempt.strike("done")
            await attempt.strike("answered")
            raise
        await attempt.strike("answered")
        return answer

    async def _wait_for_earlier_faults(self, name: str, order_id: str) -> None:
        """Wait until a fault at the point `answered` of an earlier activity has struck."""
        for rule in self._plan.rules.get(order_id, ()):
            if rule.point == "answered" and rule.activity != name and self._notes.has(rule.name, "hit"):
                await self._notes.until(rule.name, "struck")


def _delivery(args: Sequence[Any]) -> EventDelivery | None:
    return args[0] if args and isinstance(args[0], EventDelivery) else None


async def _named(databases: Databases, args: Sequence[Any]) -> tuple[Any, ...]:
    """Return a call's arguments; in place of a delivery, its subscriber and the event that it names."""
    if not (delivery := _delivery(args)):
        return tuple(args)
    # Not through the methods of FaultyDatabase: this question is not the product's.
    read = of_schema(READ, delivery.publisher)
    publisher = databases.owned_by(delivery.publisher)
    rows = await Database.rows(publisher, read, {"event_ids": [delivery.event_id]})
    return delivery.subscriber, event_of(rows[0][0])[0]


class RelayRound(Attempt):
    """The events that a relay has published since its last commit; their faults may also strike around that commit."""

    def __init__(self, faults: Faults) -> None:
        super().__init__((), faults.notes, self._nothing, faults.databases)
        self.published: list[Attempt] = []

    async def _nothing(self) -> None:
        """Do nothing: only single events are repeated."""

    async def strike(
        self, point: Point, query: bytes = b"", connection: Connection | None = None, *, committed: bool = False
    ) -> None:
        """Apply the faults of all published events."""
        for attempt in self.published:
            await attempt.strike(point, query, connection, committed=committed)

    async def committed(self) -> None:
        """Apply the faults of the point `done`, then start a new round."""
        await self.strike("done")
        self.published.clear()


class _Publishing(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, faults: Faults) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._plan, self._notes, self._databases = faults.plan, faults.notes, faults.databases

    async def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - the SDK's name
        if not (delivered := _delivery(input.args)):
            return await self.next.start_activity(input)  # a question to the workers of another service
        named = await _named(self._databases, input.args)
        order_id, _ = target_of(RELAY, named)
        if own := self._plan.queues.get(order_id):
            input.task_queue = queue_in(own, input.task_queue)
        rules = self._plan.of_call(RELAY, named)
        again = partial(self.next.start_activity, input)
        attempt = Attempt(rules, self._notes, again, self._databases, delivered.publisher)
        await attempt.strike("before")
        try:
            handle = await self.next.start_activity(input)
        except ActivityAlreadyStartedError:
            # An earlier publish of this event succeeded; the fault of another order lost what followed.
            await self._published(attempt)
            raise
        await self._published(attempt)
        return handle

    async def _published(self, attempt: Attempt) -> None:
        await attempt.strike("called")
        if isinstance(relay := CURRENT.get(), RelayRound):
            relay.published.append(attempt)
