"""A delivery is a standalone Temporal activity, one for each event and subscriber."""

from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import ActivityIDReusePolicy, RetryPolicy
from temporalio.exceptions import ActivityAlreadyStartedError

from choreography.reactions import SUBSCRIBERS, Subscribers, is_known, subscribers_of
from messaging.outbox.feed import OutboxFeed
from models.attempts import ATTEMPT, HEARTBEAT, LONGEST_DELAY, UNDO_ATTEMPTS
from models.choreography import DomainEvent, EventDelivery
from models.errors import Final, InvalidInput, NotFound
from models.names import TASK_QUEUE

# The policy of an orchestrated order's undos; after the last attempt the delivery becomes a dead letter.
_RETRY = RetryPolicy(maximum_interval=LONGEST_DELAY, maximum_attempts=UNDO_ATTEMPTS)
# One do, one probe and one undo, and the statements of the database.
_ATTEMPT = 5 * ATTEMPT
_CALL = timedelta(seconds=2)


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
            start_to_close_timeout=_ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=_RETRY,
            id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
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
        attempt, subscriber = activity.info().attempt, delivery.subscriber
        # What a delivery says of its event is never believed: anyone who reaches the task queue can start one.
        event = await self._feed.read(delivery.event_id)
        if event is None:
            await self._feed.on_unknown(delivery, known=subscriber in SUBSCRIBERS)
            raise NotFound(f"{delivery.event_id}: the outbox has no such event")
        if is_known(event) and subscriber not in subscribers_of(event):
            raise InvalidInput("subscriber", f"{subscriber} does not subscribe to {event.type}")
        try:
            return await self._subscribers.handle(subscriber, event, attempt)
        except Exception as error:
            if isinstance(error, Final | InvalidInput) or attempt >= UNDO_ATTEMPTS:
                await self._feed.on_exhausted(event, subscriber, type(error).__name__, str(error), attempt)
            raise
