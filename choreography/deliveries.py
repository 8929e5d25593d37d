"""A delivery is a standalone Temporal activity, one for each event and subscriber."""

import asyncio
from datetime import timedelta
from typing import NoReturn

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.common import ActivityIDReusePolicy, Priority, RetryPolicy
from temporalio.exceptions import ActivityAlreadyStartedError, ApplicationError

from choreography.reaction import within_time_limit
from choreography.reactions import SUBSCRIBERS, Subscribers, is_known, subscribers_of
from messaging.outbox.feed import OutboxFeed
from models.attempts import ATTEMPT, HEARTBEAT, LONGEST_DELAY, UNDO_ATTEMPTS
from models.choreography import GOING_BACK, DomainEvent, EventDelivery
from models.errors import Final, InvalidInput, NotFound, Unavailable
from models.names import TASK_QUEUE

log = structlog.get_logger("deliveries")

# After as many attempts as an orchestrated order's undo has, the delivery becomes a dead letter. The server's limit is
# higher, because it counts the attempts that began nothing, too.
_RETRY = RetryPolicy(maximum_interval=LONGEST_DELAY, maximum_attempts=100)
# One do, one probe and one undo, and the statements of the database.
_ATTEMPT = 5 * ATTEMPT
# How long an attempt waits for a database that is away, before it begins anything and so before it counts.
_OUTAGE = timedelta(days=30)
SECONDS_BETWEEN_READS = 1.0
_CALL = timedelta(seconds=2)
# Undoing comes before new work, as in temporal_saga.
FIRST = Priority(priority_key=1)


def delivery_id(event: DomainEvent, subscriber: str) -> str:
    """Return the activity id of a delivery; Temporal refuses a second start with it, also after the first has ended."""
    return f"{event.event_id}:{subscriber}" + (f":{event.redrives}" if event.redrives else "")


async def start(client: Client, event: DomainEvent, subscriber: str) -> None:
    """Start the delivery of an event to a subscriber, once; raise RPCError."""
    try:
        await client.start_activity(
            "handle_event",
            EventDelivery(event_id=event.event_id, subscriber=subscriber, redrives=event.redrives),
            id=delivery_id(event, subscriber),
            task_queue=TASK_QUEUE,
            result_type=str,
            start_to_close_timeout=_OUTAGE + _ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=_RETRY,
            id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
            priority=FIRST if event.type in GOING_BACK else Priority.default,
            summary=f"{event.type} of {event.process_id} → {subscriber}",
            rpc_timeout=_CALL,
        )
    except ActivityAlreadyStartedError:
        return


class Deliveries:
    """The activity that handles a delivery."""

    def __init__(self, subscribers: Subscribers, feed: OutboxFeed) -> None:
        self._subscribers, self._feed = subscribers, feed

    @activity.defn
    async def handle_event(self, delivery: EventDelivery) -> str:
        """Run the subscriber's reaction to the stored event and return its result.

        An undeliverable event becomes a dead letter, which blocks only the order of a stored event with this
        subscriber. Raises what the reaction raises, and NotFound for an event that the outbox doesn't have.
        """
        subscriber = delivery.subscriber
        # What a delivery says of its event is never believed: anyone who reaches the task queue can start one.
        event = await self._read(delivery.event_id)
        if event is None:
            await self._feed.on_unknown(delivery, known=subscriber in SUBSCRIBERS)
            raise NotFound(f"{delivery.event_id}: the outbox has no such event")
        attempt = activity.info().attempt - _not_begun()
        if is_known(event) and subscriber not in subscribers_of(event):
            raise InvalidInput("subscriber", f"{subscriber} does not subscribe to {event.type}")
        try:
            reaction = self._subscribers.handle(subscriber, event, attempt)
            return await within_time_limit(reaction, _ATTEMPT.total_seconds())
        except Exception as error:
            if isinstance(error, Final | InvalidInput):
                await self._feed.on_exhausted(event, subscriber, type(error).__name__, str(error), attempt)
            elif attempt >= UNDO_ATTEMPTS:
                await self._exhausted(event, subscriber, error, attempt)
            raise

    async def _exhausted(self, event: DomainEvent, subscriber: str, error: Exception, attempt: int) -> NoReturn:
        """Record a delivery whose attempts are used up as a dead letter, and end it; raise ApplicationError."""
        try:
            await self._feed.on_exhausted(event, subscriber, type(error).__name__, str(error), attempt)
        except Unavailable as unrecorded:  # the watcher records the letter of a delivery that ended without one
            log.warning("a dead delivery can't be recorded now", event_id=event.event_id, error=str(unrecorded))
        raise ApplicationError(str(error), attempt, type=type(error).__name__, non_retryable=True) from error

    async def _read(self, event_id: str) -> DomainEvent | None:
        """Return the stored event; wait for a database that is away, since nothing of the delivery has begun yet."""
        waited = False
        while True:
            try:
                event = await within_time_limit(self._feed.read(event_id))
                if waited:
                    activity.heartbeat(_not_begun())  # this attempt begins now
                return event
            except Unavailable as error:
                waited = True
                activity.heartbeat(_not_begun() + 1)
                if error.lasting or activity.is_worker_shutdown():
                    raise
                log.warning("a delivery waits for the database", event_id=event_id, error=str(error))
            await asyncio.sleep(SECONDS_BETWEEN_READS)


def _not_begun() -> int:
    """Return how many earlier attempts ended while they waited for the database; the last heartbeat says so."""
    details = activity.info().heartbeat_details
    return details[0] if details and isinstance(details[0], int) else 0
