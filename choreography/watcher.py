"""The watcher: detects choreographed orders without progress, because no service waits for an event."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from temporalio.client import ActivityExecutionStatus, Client
from temporalio.service import RPCError, RPCStatusCode

from choreography.deliveries import delivery_id
from choreography.reactions import is_known, subscribers_of
from messaging.outbox.processes import OverdueProcess
from models.attempts import UNDO_ATTEMPTS
from models.choreography import PIVOT, DomainEvent, EventData, EventType
from models.errors import InvalidInput, NotFound, Unavailable
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.assembly import Services

log = structlog.get_logger("watcher")

LOOK_SECONDS = 5.0
KEPT_SECONDS = 30 * 24 * 3600.0
STOPPED = {
    ActivityExecutionStatus.FAILED,
    ActivityExecutionStatus.TIMED_OUT,
    ActivityExecutionStatus.TERMINATED,
    ActivityExecutionStatus.CANCELED,
}


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


class Watcher:
    """Moves stuck processes on; any number of watchers may run."""

    def __init__(self, client: Client, services: Services) -> None:
        self._client, self._services, self._db = client, services, services.db
        self._outbox, self._processes, self._feed = services.outbox, services.outbox_processes, services.outbox_feed

    async def run(self) -> None:
        """Check every LOOK_SECONDS until cancelled, and purge processes that ended KEPT_SECONDS ago."""
        while True:
            try:
                await self.run_once()
                await self._feed.purge(KEPT_SECONDS)
            except (Unavailable, RPCError) as error:
                log.warning("the watcher can't reach a dependency", error=_one_line(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def run_once(self) -> None:
        """Move every stuck process on; raise Unavailable or RPCError when not even one could be examined.

        A process that can't be moved on is examined again later, and stops no other one.
        """
        overdue = await self._processes.overdue()
        failures = [failure for process_id in overdue if (failure := await self._failure_of(process_id))]
        if failures and len(failures) == len(overdue) and isinstance(failures[0], Unavailable | RPCError):
            raise failures[0]

    async def _failure_of(self, process_id: str) -> Exception | None:
        """Move one process on; log the error that prevents it, and return it."""
        try:
            await self._look_at(process_id)
        except Exception as error:  # noqa: BLE001 - one order must not stop the others
            log.warning("a stuck order can't be moved on", process_id=process_id, error=_one_line(error))
            if not isinstance(error, Unavailable | RPCError):
                # Behind the others, so that any number of such orders leaves room for the rest.
                await self._processes.postpone(self._db, process_id)
            return error
        return None

    async def _look_at(self, process_id: str) -> None:
        under_way = await self._is_under_way(process_id)
        async with unit_of_work(self._db) as unit:
            overdue = await self._processes.lock_overdue(unit, process_id)
            if overdue is None:
                return
            await self._processes.postpone(unit, process_id)
            if overdue.past_deadline or not under_way:
                await self._move_on(unit, process_id, overdue, under_way=under_way)

    async def _move_on(self, unit: Database, process_id: str, overdue: OverdueProcess, *, under_way: bool) -> None:
        """Deliver the last event again if the order has passed its pivot; otherwise turn the order back."""
        events = await self._outbox.events(unit, process_id)
        if not events:
            raise NotFound(f"{process_id}: the outbox no longer has its events")
        last = events[-1]
        if any(event.type == PIVOT for event in events) and not overdue.undoing:
            if not under_way:
                await self._services.within(unit).outbox_feed.again(last)
            return
        waited = "the order's deadline passed" if overdue.past_deadline else f"nothing followed {last.type}"
        data = await self._data(events)
        data = data.model_copy(update={"reason": data.reason or f"timed out: {waited}"})
        log.warning("an order goes back", process_id=process_id, reason=waited)
        await self._outbox.append(unit, EventType.ORDER_TIMED_OUT, data, last)

    async def _data(self, events: Sequence[DomainEvent]) -> EventData:
        """Return the payload of the last event that this version can read, or else the stored order."""
        for event in reversed(events):
            with suppress(InvalidInput):
                return EventData.of(event)
        order, total = await self._services.orders.stored(events[0].process_id)
        return EventData(order=order, total=total)

    async def _is_under_way(self, process_id: str) -> bool:
        """Return whether an event still waits for a relay, for an attempt, or for an operator."""
        if await self._processes.unpublished(process_id):
            return True
        under_way = False
        for event in await self._outbox.events(self._db, process_id):
            # The relay has recorded a dead letter for an event of an unknown type.
            for subscriber in subscribers_of(event) if is_known(event) else ():
                if not await self._outbox.consumed(self._db, subscriber, event):
                    under_way |= await self._is_alive(event, subscriber)
        return under_way

    async def _is_alive(self, event: DomainEvent, subscriber: str) -> bool:
        """Return whether a delivery is running or dead; record a dead letter if it failed without one."""
        try:
            found = await self._client.get_activity_handle(delivery_id(event, subscriber)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        if found.status in STOPPED:
            cause = f"the delivery ended as {found.status.name.lower()}"
            await self._feed.on_exhausted(event, subscriber, "DeliveryFailed", cause, UNDO_ATTEMPTS)
        return found.status is ActivityExecutionStatus.RUNNING or found.status in STOPPED
