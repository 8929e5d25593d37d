"""The relay: publishes every committed event to its subscriber, at least once.

After the pattern "Transactional outbox" with a polling publisher, microservices.io.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog
from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from activities import deliveries
from activities.deliveries import Addressed, queue_of
from choreography.events import Recording
from messaging.outbox.feed import COUNTED_AT_MOST, Claim, OutboxFeed
from messaging.outbox.listener import OutboxListener
from models.choreography import DomainEvent, EventDelivery, StoredEvent, publisher_of, subscriber_of
from models.errors import InvalidInput, Unavailable
from models.participants import Service
from models.server_features import STANDALONE_ACTIVITIES
from models.trace import TracedEvent

log = structlog.get_logger("relay")

BATCH = 50
# The longest delay of an event whose notification was missed, and of one that could not be published.
POLL_SECONDS = 1.0
# The server refuses such a request permanently.
NOT_RETRYABLE = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE}


@dataclass(frozen=True)
class Source:
    """The events of one service, and the port to the trace of the orders."""

    feed: OutboxFeed
    trace: Recording


class Relay:
    """Publishes the events of the services in one database; any number of relays may run."""

    def __init__(
        self,
        client: Client,
        sources: Sequence[Source],
        listener: OutboxListener,
        apart: Collection[Service] = (),
        meter: MetricMeter = MetricMeter.noop,
    ) -> None:
        """`apart` are the services whose deliveries go to a task queue of their own."""
        self._client, self._sources, self._listener, self._apart = client, sources, listener, apart
        self._lag = meter.create_gauge_float("outbox_lag", "Age of the oldest unpublished event", "s")
        waiting = f"Events that wait to be published, counted up to {COUNTED_AT_MOST}"
        self._waiting = meter.create_gauge("outbox_unpublished", waiting)

    async def run(self) -> None:
        """Publish events until cancelled: a service's when it notifies of some, and every service's each second."""
        due, poll_at = set[str](), 0.0
        try:
            while True:
                if polling := time.monotonic() >= poll_at:
                    due = {source.feed.service for source in self._sources}
                claimed = await self._round(due, measuring=polling)
                if polling:
                    poll_at = time.monotonic() + POLL_SECONDS
                due = {service for service, events in claimed.items() if events == BATCH}  # there may be more
                due |= await self._listener.wait(0.0 if due else max(0.0, poll_at - time.monotonic()))
        finally:
            await self._listener.close()

    async def _round(self, due: Collection[str], *, measuring: bool) -> Mapping[str, int]:
        """Run one round, as `run_once`; an unreachable dependency is logged, and tried again by the next poll."""
        try:
            claimed = await self.run_once(due)
            for source in self._sources if measuring else ():
                service = {"service": source.feed.service}
                waiting, seconds = await source.feed.lag()
                self._waiting.set(waiting, service)
                self._lag.set(seconds, service)
        except (Unavailable, RPCError) as error:
            log.warning("the relay can't publish now", error=self._reason(error))
            if isinstance(error, Unavailable):
                await self._listener.close()  # after a failover, its connection may be one to the old server
            return {}
        return claimed

    def _reason(self, error: Unavailable | RPCError) -> str:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.UNIMPLEMENTED:
            return STANDALONE_ACTIVITIES.missing_in(self._client.namespace)
        return " ".join(str(error).split())[:300]

    async def run_once(self, due: Collection[str] | None = None) -> Mapping[str, int]:
        """Publish a batch of the events of each service that is due (None: all), then mark them.

        Returns how many events were claimed, for each service of which some were published.
        Raises Unavailable or RPCError when events could not be published, and no others were.
        """
        claimed, failures = dict[str, int](), list[Unavailable | RPCError]()
        for source in self._sources:
            if due is not None and source.feed.service not in due:
                continue
            try:
                if events := await self._publish_of(source):
                    claimed[source.feed.service] = events
            except (Unavailable, RPCError) as error:  # the events of one service must not stop those of another
                failures.append(error)
        if failures and not claimed:
            raise failures[0]
        return claimed

    async def _publish_of(self, source: Source) -> int:
        """Return how many events were claimed; 0 when none was published."""
        async with source.feed.claim(BATCH) as claim:
            if not claim.events:
                return 0
            answers = await asyncio.gather(
                *(self._publish(source, stored) for stored in claim.events), return_exceptions=True
            )
            published = [each.event for each, answer in zip(claim.events, answers, strict=True) if answer is None]
            failed = [(each, answer) for each, answer in zip(claim.events, answers, strict=True) if answer is not None]
            refused, transient = await self._set_aside(claim, failed)
            traced = [TracedEvent.of(event, source.feed.service) for event in published]
            traced += [TracedEvent.of(event, source.feed.service, problem) for event, problem in refused]
            if traced:
                await claim.mark(published)
                await source.trace.record(traced)
        if transient and not published:
            raise transient[0]
        return len(claim.events) if published else 0

    async def _publish(self, source: Source, stored: StoredEvent) -> None:
        if stored.problem:
            raise InvalidInput("payload", stored.problem)
        event = stored.event
        if (publisher := publisher_of(event.type)) != source.feed.service:
            raise InvalidInput("type", f"{event.type} is published by {publisher} only")
        if subscriber := subscriber_of(event.type):
            delivery = EventDelivery(
                event_id=event.event_id,
                publisher=source.feed.service,
                subscriber=subscriber,
                redrives=event.redrives,
            )
            queue = queue_of(subscriber, self._apart)
            await deliveries.start(self._client, Addressed(delivery, event.type, event.process_id), queue)

    async def _set_aside(
        self, claim: Claim, failed: Sequence[tuple[StoredEvent, BaseException]]
    ) -> tuple[list[tuple[DomainEvent, str]], list[BaseException]]:
        """Set the events aside that can never be published; return them with their problem, and the other errors."""
        refused, transient = list[tuple[DomainEvent, str]](), list[BaseException]()
        for stored, error in failed:
            if isinstance(error, asyncio.CancelledError):
                raise error
            lasting = isinstance(error, RPCError) and error.status in NOT_RETRYABLE
            if lasting or not isinstance(error, Unavailable | RPCError):
                log.error("an event can't be published", event_id=stored.event.event_id)
                problem = f"{type(error).__name__}: {error}"
                await claim.set_aside(stored.event, problem)
                refused.append((stored.event, problem))
            else:
                transient.append(error)
        return refused, transient
