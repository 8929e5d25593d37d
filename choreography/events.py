"""The port to the events of all services: read here, or asked of the workers of a service with another database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from temporalio import activity
from temporalio.client import ActivityFailureError, Client
from temporalio.common import RetryPolicy
from temporalio.service import RPCError

from activities.deliveries import FIRST
from messaging.outbox.feed import OutboxFeed
from models.base import Message
from models.choreography import StoredEvent
from models.errors import NotBegun
from models.participants import OWNERS, Owner
from models.trace import TracedEvent

# Less than one attempt of a delivery, which asks before it begins anything.
_ANSWER = timedelta(seconds=3)
# The server's own timer ends the call; this is for a server that doesn't answer.
_SERVER = _ANSWER + timedelta(seconds=1)
R = TypeVar("R")


def events_queue(service: Owner) -> str:
    """Return the task queue on which the workers with a service's database answer for its events.

    It has slots of its own: deliveries wait for these answers, so they must not take each other's places.
    """
    return f"{service}-events"


class FindEvents(Message):
    """Which events of the asked service are wanted, by id."""

    event_ids: tuple[str, ...]


class FoundEvents(Message):
    """Those of the events that are stored."""

    events: tuple[StoredEvent, ...]


class PublishAgain(Message):
    """Which event of the asked service must be published again."""

    event_id: str


class PublishedAgain(Message):
    """The number of the event's redeliveries, None when it isn't stored."""

    redrives: int | None


class TraceEvents(Message):
    """Which stored events of a service the orders must add to the trace."""

    publisher: Owner
    event_ids: tuple[str, ...]


class Recording(Protocol):
    """The port to the trace of the orders."""

    async def record(self, events: Sequence[TracedEvent]) -> None:
        """Record events that a relay has published or set aside; raise Unavailable."""
        ...


class EventActivities:
    """What a worker answers for the events of one service."""

    def __init__(self, feed: OutboxFeed) -> None:
        self._feed = feed

    @activity.defn
    async def find_events(self, request: FindEvents) -> FoundEvents:
        """Return the stored events; raise Unavailable."""
        return FoundEvents(events=tuple(await self._feed.read(request.event_ids)))

    @activity.defn
    async def publish_again(self, request: PublishAgain) -> PublishedAgain:
        """Publish a stored event again; raise Unavailable."""
        return PublishedAgain(redrives=await self._feed.again(request.event_id))


class Traced(Protocol):
    """The port to events as the orders know them from their trace."""

    async def find(self, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Return those of the events that left a trace; raise Unavailable."""
        ...


class TraceActivities:
    """What a worker of the orders does for services with other databases."""

    def __init__(self, events: "Events", trace: Recording, traced: Traced) -> None:
        self._events, self._trace, self._traced = events, trace, traced

    @activity.defn
    async def find_traced(self, request: FindEvents) -> FoundEvents:
        """Return events that left a trace, to a subscriber whose publisher does not answer; raise Unavailable."""
        return FoundEvents(events=tuple(await self._traced.find(request.event_ids)))

    @activity.defn
    async def trace_events(self, request: TraceEvents) -> None:
        """Ask the publisher for events, since only a stored one is believed, and record them; raise Unavailable."""
        stored = await self._events.read_all(request.publisher, request.event_ids)
        await self._trace.record([TracedEvent.of(each.event, request.publisher, each.problem) for each in stored])


class Events:
    """The events of all services. `here`: service → its events, where its database is at hand.

    An event whose publisher does not answer is read from the trace, to which the publisher's stored event was added.
    """

    def __init__(
        self, here: Mapping[Owner, OutboxFeed], client: Client | None = None, traced: Traced | None = None
    ) -> None:
        self._here, self._client, self._traced = here, client, traced

    async def read(self, publisher: Owner, event_id: str) -> StoredEvent | None:
        """Return a stored event of a service, None when it has no such event; raise Unavailable."""
        found = await self.read_all(publisher, [event_id])
        return found[0] if found else None

    async def read_all(self, publisher: Owner, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Return those of the events that a service has stored; raise Unavailable."""
        if feed := self._here.get(publisher):
            return await feed.read(event_ids)
        asked = FindEvents(event_ids=tuple(event_ids))
        return list((await self._ask(publisher, EventActivities.find_events, asked, FoundEvents)).events)

    async def believed(self, publisher: Owner, event_id: str) -> StoredEvent | None:
        """Return a stored event as `read`; one that left a trace also while its publisher is away."""
        try:
            return await self.read(publisher, event_id)
        except NotBegun:
            found = await self._traced.find([event_id]) if self._traced else []
            if not found:
                raise
            return found[0]

    async def again(self, publisher: Owner, event_id: str) -> int | None:
        """Publish an event again; return the number of its redeliveries, None when it isn't stored.

        Raises Unavailable.
        """
        if feed := self._here.get(publisher):
            return await feed.again(event_id)
        asked = PublishAgain(event_id=event_id)
        return (await self._ask(publisher, EventActivities.publish_again, asked, PublishedAgain)).redrives

    async def _ask(self, service: Owner, asked: Callable[..., Any], request: Message, answer: type[R]) -> R:
        if self._client is None:
            raise LookupError(f"the events of {service} are not here, and no worker can be asked")
        return await ask(self._client, service, asked, request, answer)


class TraceByCall:
    """Adds the events of one service to the trace, where the database of the orders is another one."""

    def __init__(self, client: Client, publisher: Owner) -> None:
        self._client, self._publisher = client, publisher

    async def record(self, events: Sequence[TracedEvent]) -> None:
        """Let the workers of the orders record events; raise NotBegun without an answer in a few seconds."""
        request = TraceEvents(publisher=self._publisher, event_ids=tuple(event.event_id for event in events))
        await ask(self._client, OWNERS[0], TraceActivities.trace_events, request, type(None))


class TracedByCall:
    """Reads the trace where the database of the orders is another one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Return those of the events that left a trace; raise NotBegun without an answer in a few seconds."""
        request = FindEvents(event_ids=tuple(event_ids))
        return list((await ask(self._client, OWNERS[0], TraceActivities.find_traced, request, FoundEvents)).events)


async def ask(client: Client, service: Owner, asked: Callable[..., Any], request: Message, answer: type[R]) -> R:
    """Return the answer of the workers that have a service's database; raise NotBegun without one in a few seconds."""
    queue = events_queue(service)
    try:
        async with asyncio.timeout(_SERVER.total_seconds()):
            given: R = await client.execute_activity(
                asked.__name__,
                request,
                id=f"{asked.__name__}-{uuid4().hex}",
                task_queue=queue,
                result_type=answer,
                schedule_to_close_timeout=_ANSWER,
                retry_policy=RetryPolicy(maximum_attempts=1),  # the asking call is tried again
                priority=FIRST,
            )
    except ActivityFailureError as failure:
        raise NotBegun(f"{asked.__name__}: no answer on the task queue {queue}: {failure.cause}") from None
    except (RPCError, TimeoutError) as error:
        raise NotBegun(f"{asked.__name__}: {str(error) or 'Temporal does not answer'}") from None
    return given
