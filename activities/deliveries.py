"""A delivery is a standalone Temporal activity, one for each event, on the task queue of its subscriber."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from temporalio.client import ActivityExecutionStatus, ActivityFailureError, Client
from temporalio.common import ActivityIDReusePolicy, Priority, RetryPolicy
from temporalio.exceptions import ActivityAlreadyStartedError, ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from models.attempts import ATTEMPT, HEARTBEAT, LONGEST_DELAY
from models.choreography import GOING_BACK, SUBSCRIBER, EventDelivery, EventType
from models.names import TASK_QUEUE
from models.participants import Owner, Service
from models.trace import TracedEvent

# The server's limit is higher than that of dead letters, because it counts the attempts that began nothing, too.
_RETRY = RetryPolicy(maximum_interval=LONGEST_DELAY, maximum_attempts=100)
# One do, one probe and one undo, and the statements of the database.
ATTEMPT_OF_DELIVERY = 5 * ATTEMPT
# How long an attempt waits for a database that is away, before it begins anything and so before it counts.
_OUTAGE = timedelta(days=30)
_CALL = timedelta(seconds=2)
# Undoing comes before new work, as in temporal_saga.
FIRST = Priority(priority_key=1)
# The result of a delivery that its subscriber's task queue takes over.
MOVED = "moved to the task queue of its service"


class Standing(Enum):
    """What became of a delivery."""

    UNKNOWN = auto()
    RUNNING = auto()
    HANDLED = auto()
    FAILED = auto()


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery: its result when it was handled, the error's type and message when it failed.

    `queue` is its task queue while it is running, and when it was handled.
    """

    standing: Standing
    text: str = ""
    error: str = ""
    queue: str = TASK_QUEUE


@dataclass(frozen=True)
class Addressed:
    """A delivery of an event and what the server is given of it besides: the event's type and process."""

    delivery: EventDelivery
    event_type: str
    process_id: str
    moved: bool = False

    @property
    def id(self) -> str:
        """The activity id; Temporal refuses a second start with it, also after the first has ended."""
        delivery = self.delivery
        parts = [delivery.event_id, delivery.subscriber, *([str(delivery.redrives)] if delivery.redrives else [])]
        return ":".join([*parts, *(["moved"] if self.moved else [])])


def delivery_of(event: TracedEvent) -> Addressed | None:
    """Return the delivery of an event, None for one without a subscriber or of an unknown type."""
    subscriber: Owner | None = SUBSCRIBER[EventType(event.type)] if event.type in set(EventType) else None
    if subscriber is None:
        return None
    delivery = EventDelivery(
        event_id=event.event_id, publisher=event.publisher, subscriber=subscriber, redrives=event.redrives
    )
    return Addressed(delivery, event.type, event.process_id)


def queue_of(subscriber: Owner, apart: Collection[Service]) -> str:
    """Return the task queue of a subscriber's deliveries."""
    return subscriber if subscriber in apart else TASK_QUEUE


async def start(client: Client, addressed: Addressed, queue: str) -> None:
    """Start a delivery on a task queue, once; raise RPCError."""
    delivery = addressed.delivery
    try:
        await client.start_activity(
            "handle_event",
            delivery,
            id=addressed.id,
            task_queue=queue,
            result_type=str,
            start_to_close_timeout=_OUTAGE + ATTEMPT_OF_DELIVERY,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=_RETRY,
            id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
            priority=FIRST if addressed.event_type in GOING_BACK else Priority.default,
            summary=f"{addressed.event_type} of {addressed.process_id} → {delivery.subscriber}",
            rpc_timeout=_CALL,
        )
    except ActivityAlreadyStartedError:
        return


async def outcome_of(client: Client, addressed: Addressed) -> Outcome:
    """Return what became of a delivery; raise RPCError."""
    handle = client.get_activity_handle(addressed.id, result_type=str)
    status: ActivityExecutionStatus | None = None
    try:
        described = await handle.describe(rpc_timeout=_CALL)
        status = described.status
        if status is ActivityExecutionStatus.RUNNING:
            return Outcome(Standing.RUNNING, queue=described.task_queue)
        text = await handle.result(rpc_timeout=_CALL)
    except ActivityFailureError as failure:
        return _failed(failure.cause, status)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Outcome(Standing.UNKNOWN)
        raise
    if text == MOVED:
        return await outcome_of(client, replace(addressed, moved=True))
    return Outcome(Standing.HANDLED, text, queue=described.task_queue)


def _failed(cause: BaseException | None, status: ActivityExecutionStatus | None) -> Outcome:
    if isinstance(cause, ApplicationError):
        return Outcome(Standing.FAILED, cause.message, cause.type or "DeliveryFailed")
    return Outcome(
        Standing.FAILED, f"the delivery ended as {status.name.lower() if status else cause}", "DeliveryFailed"
    )
