"""The activity that handles a delivery."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import NoReturn, Protocol, TypeVar

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities import deliveries
from activities.deliveries import ATTEMPT_OF_DELIVERY, MOVED, Addressed
from choreography.reaction import ANSWER, within_time_limit
from choreography.reactions import Subscribers
from models.attempts import UNDO_ATTEMPTS
from models.choreography import PUBLISHER, DomainEvent, EventDelivery, EventType, StoredEvent, subscriber_of
from models.errors import Final, InvalidInput, NotBegun, NotFound, Unavailable
from models.participants import Owner, Service
from models.trace import TracedEvent

log = structlog.get_logger("deliveries")

SECONDS_BETWEEN_CALLS = 1.0
T = TypeVar("T")


class Events(Protocol):
    """The port to the events of all services."""

    async def believed(self, publisher: Owner, event_id: str) -> StoredEvent | None:
        """Return a stored event of a service, None when it has no such event; raise Unavailable."""
        ...


class Letters(Protocol):
    """The port to the dead letter channel of the orders."""

    async def record(
        self, event: TracedEvent, subscriber: str, error: str, cause: str, attempts: int, original: DomainEvent | None
    ) -> None:
        """Record a delivery that failed permanently; raise Unavailable."""
        ...

    async def record_unknown(self, delivery: EventDelivery) -> None:
        """Record a delivery of an event that its publisher doesn't have; raise Unavailable."""
        ...


class Deliveries:
    """The activity that handles a delivery of events to the services here."""

    def __init__(
        self,
        subscribers: Subscribers,
        events: Events,
        letters: Letters | None,
        *,
        client: Client | None = None,
        apart: Collection[Service] = (),
    ) -> None:
        """Without `letters`, the watcher of the orders records what failed here.

        `client` hands deliveries to the services `apart` over to their task queues.
        """
        self._subscribers, self._events, self._letters = subscribers, events, letters
        self._client, self._apart = client, frozenset(apart)

    @activity.defn
    async def handle_event(self, delivery: EventDelivery) -> str:
        """Run the subscriber's reaction to the stored event and return its result.

        An undeliverable event becomes a dead letter, which blocks only the order of a stored event with this
        subscriber. Raises what the reaction raises, and NotFound for an event that its publisher doesn't have.
        """
        # What a delivery says of its event is never believed: anyone who reaches the task queue can start one.
        stored = await _once_reached(
            lambda: self._events.believed(delivery.publisher, delivery.event_id), Unavailable, 2 * ANSWER
        )
        if stored is None:
            await self._unknown(delivery)
        event, attempt = stored.event, activity.info().attempt - _not_begun()
        if event.type in set(EventType) and (delivery.publisher, delivery.subscriber) != (
            PUBLISHER[EventType(event.type)],
            subscriber_of(event.type),
        ):
            raise InvalidInput("subscriber", f"{delivery.subscriber} does not subscribe to {event.type}")
        if delivery.subscriber not in self._subscribers:
            return await self._hand_over(delivery, event)
        try:
            return await _once_reached(
                lambda: self._subscribers.handle(delivery.subscriber, event, attempt), NotBegun, ATTEMPT_OF_DELIVERY
            )
        except Exception as error:
            if isinstance(error, Final | InvalidInput):
                await self._record(delivery, event, error, attempt)
            elif attempt >= UNDO_ATTEMPTS:
                await self._exhausted(delivery, event, error, attempt)
            raise

    async def _hand_over(self, delivery: EventDelivery, event: DomainEvent) -> str:
        """Start the delivery on the task queue of its service, which was not apart when a relay addressed it."""
        subscriber = delivery.subscriber
        if self._client is None or subscriber not in self._apart:
            raise Unavailable(f"{subscriber}: is not served by this worker")
        moved = Addressed(delivery, event.type, event.process_id, moved=True)
        await deliveries.start(self._client, moved, subscriber)
        return MOVED

    async def _unknown(self, delivery: EventDelivery) -> NoReturn:
        if self._letters:
            await self._letters.record_unknown(delivery)
        raise NotFound(f"{delivery.event_id}: the outbox has no such event")

    async def _exhausted(self, delivery: EventDelivery, event: DomainEvent, error: Exception, attempt: int) -> NoReturn:
        """Record a delivery whose attempts are used up as a dead letter, and end it; raise ApplicationError."""
        try:
            await self._record(delivery, event, error, attempt)
        except Unavailable as unrecorded:  # the watcher records the letter of a delivery that ended without one
            log.warning("a dead delivery can't be recorded now", event_id=event.event_id, error=str(unrecorded))
        raise ApplicationError(str(error), attempt, type=type(error).__name__, non_retryable=True) from error

    async def _record(self, delivery: EventDelivery, event: DomainEvent, error: Exception, attempt: int) -> None:
        if self._letters:
            traced = TracedEvent.of(event, delivery.publisher)
            name, cause = type(error).__name__, str(error)
            await self._letters.record(traced, delivery.subscriber, name, cause, attempt, event)


async def _once_reached(call: Callable[[], Awaitable[T]], away: type[Unavailable], time: timedelta = ANSWER) -> T:
    """Return the answer of a call; repeat it while it raises `away`, since nothing of the delivery has begun yet.

    Raises what the call raises otherwise, Unavailable without an answer in `time`, and `away` when it is lasting or the
    worker stops.
    """
    waited = False
    while True:
        try:
            answer = await within_time_limit(call(), time.total_seconds())
            if waited:
                activity.heartbeat(_not_begun())  # this attempt begins now
            return answer
        except away as error:
            waited = True
            activity.heartbeat(_not_begun() + 1)
            if error.lasting or activity.is_worker_shutdown():
                raise
            log.warning("a delivery waits before it begins", activity_id=activity.info().activity_id, error=str(error))
        await asyncio.sleep(SECONDS_BETWEEN_CALLS)


def _not_begun() -> int:
    """Return how many earlier attempts ended before they began anything; the last heartbeat says so."""
    details = activity.info().heartbeat_details
    return details[0] if details and isinstance(details[0], int) else 0
