"""The watcher: detects choreographed orders without progress, because no service waits for an event."""

import asyncio
from collections.abc import Sequence

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.deliveries import Addressed, Standing, delivery_of, outcome_of
from choreography.events import Events
from choreography.recorder import Recorder
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.outbox import Outbox
from messaging.trace.trace import Trace
from messaging.trace.undelivered import Undelivered
from models.attempts import UNDO_ATTEMPTS
from models.choreography import PIVOT, TOO_LATE, EventData, EventType
from models.errors import NotFound, Unavailable
from models.trace import TracedEvent
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.orders.orders import Orders

log = structlog.get_logger("watcher")

LOOK_SECONDS = 5.0
KEPT_SECONDS = 30 * 24 * 3600.0


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


class Watcher:
    """Moves stuck processes on, in the database of the orders; any number of watchers may run."""

    def __init__(
        self,
        client: Client,
        db: Database,
        orders: Orders,
        trace: Trace,
        undelivered: Undelivered,
        events: Events,
    ) -> None:
        self._client, self._db, self._orders = client, db, orders
        self._trace, self._undelivered, self._events = trace, undelivered, events
        self._outbox, self._own = Outbox("orders"), OutboxFeed(db, "orders")
        self._recorder = Recorder(trace, undelivered, events)

    async def run(self) -> None:
        """Check every LOOK_SECONDS until cancelled, and purge processes that ended KEPT_SECONDS ago."""
        while True:
            try:
                await self.run_once()
                await self._trace.purge(KEPT_SECONDS)
            except (Unavailable, RPCError) as error:
                log.warning("the watcher can't reach a dependency", error=_one_line(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def run_once(self) -> None:
        """Move every stuck process on; raise Unavailable or RPCError when not even one could be examined.

        A process that can't be moved on is examined again later, and stops no other one.
        """
        overdue = await self._trace.overdue()
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
                await self._trace.postpone(process_id)
            return error
        return None

    async def _look_at(self, process_id: str) -> None:
        events = await self._trace.events(process_id)
        silent = await self._without_effect(process_id, events)
        if any(event.type == PIVOT for event in events):
            # Only forward; the parcel's receipt would refuse to go back anyway.
            await self._trace.postpone(process_id)
            for event in silent or ():
                await self._again(event)
            return
        async with unit_of_work(self._db) as unit:
            past_deadline = await self._trace.lock_overdue(unit, process_id)
            if past_deadline is None:
                return
            await self._trace.postpone(process_id, unit)
            if past_deadline or silent is not None:
                await self._turn_back(unit, process_id, events, past_deadline=past_deadline)

    async def _again(self, event: TracedEvent) -> None:
        redrives = await self._events.again(event.publisher, event.event_id)
        if redrives is None:
            raise NotFound(f"{event.event_id}: the outbox of {event.publisher} no longer has this event")

    async def _turn_back(
        self, unit: Database, process_id: str, events: Sequence[TracedEvent], *, past_deadline: bool
    ) -> None:
        if not events:
            raise NotFound(f"{process_id}: has left no trace")
        last = events[-1]
        waited = "the order's deadline passed" if past_deadline else f"nothing followed {last.type}"
        order, total = await self._orders.stored(process_id)
        reason = next((event.reason for event in reversed(events) if event.reason), f"timed out: {waited}")
        data = EventData(order=order, total=total, reason=reason)
        log.warning("an order goes back", process_id=process_id, reason=waited)
        appended = await self._outbox.append(
            unit,
            EventType.ORDER_TIMED_OUT,
            data,
            cause=last.event_id,
            correlation_id=last.correlation_id,
        )
        await self._trace.advance(unit, appended)

    async def _without_effect(self, process_id: str, events: Sequence[TracedEvent]) -> list[TracedEvent] | None:
        """Return the events that nothing will follow, None while one waits for a relay, an attempt or an operator."""
        if await self._own.unpublished(0.0, 1, process_id):
            return None
        given_up = await self._undelivered.given_up(process_id)
        silent, under_way = list[TracedEvent](), False
        for event in events:
            addressed = delivery_of(event)
            # A relay that can't publish an event has recorded a dead letter for it.
            if addressed is None or event.problem or _followed(event, addressed, events):
                continue
            if event.event_id in given_up or not await self._is_alive(event, addressed):
                silent.append(event)
            else:
                under_way = True
        return None if under_way else silent

    async def _is_alive(self, event: TracedEvent, addressed: Addressed) -> bool:
        """Return whether an event will have an effect or waits for an operator.

        A delivery that failed without a dead letter gets one.
        """
        outcome = await outcome_of(self._client, addressed)
        if outcome.standing is Standing.FAILED:
            subscriber = addressed.delivery.subscriber
            await self._recorder.failed(event, subscriber, outcome.error, outcome.text, UNDO_ATTEMPTS)
        # One that was handled has an event that waits for the relay of its service, unless it was too late.
        late = outcome.standing is Standing.HANDLED and outcome.text.endswith(TOO_LATE)
        return outcome.standing is not Standing.UNKNOWN and not late


def _followed(event: TracedEvent, addressed: Addressed, events: Sequence[TracedEvent]) -> bool:
    return any(
        each.causation_id == event.event_id
        and each.publisher == addressed.delivery.subscriber
        and each.type != EventType.ORDER_TIMED_OUT
        for each in events
    )
