"""The relay: publishes every committed event to its subscribers, at least once and in the order of its process.

After the pattern "Transactional outbox" with a polling publisher, microservices.io.
"""

import asyncio

import structlog
from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from choreography import deliveries
from choreography.reactions import subscribers_of
from messaging.outbox.feed import COUNTED_AT_MOST, RELAY, OutboxFeed
from messaging.outbox.listener import OutboxListener
from models.choreography import DomainEvent
from models.errors import Unavailable
from models.server_features import STANDALONE_ACTIVITIES

log = structlog.get_logger("relay")

BATCH = 50
# The delay of an event whose notification was missed, and the pause after an unreachable dependency.
POLL_SECONDS = 1.0
# The server refuses such a request permanently.
NOT_RETRYABLE = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE}


class Relay:
    """Publishes events; any number of relays may run."""

    def __init__(
        self, client: Client, feed: OutboxFeed, listener: OutboxListener, meter: MetricMeter = MetricMeter.noop
    ) -> None:
        self._client, self._feed, self._listener = client, feed, listener
        self._lag = meter.create_gauge_float("outbox_lag", "Age of the oldest unpublished event", "s")
        waiting = f"Events that wait to be published, counted up to {COUNTED_AT_MOST}"
        self._waiting = meter.create_gauge("outbox_unpublished", waiting)

    async def run(self) -> None:
        """Publish events until cancelled."""
        try:
            while True:
                if not await self._round():
                    await self._listener.wait(POLL_SECONDS)
        finally:
            await self._listener.close()

    async def _round(self) -> int:
        """Run one round and return the number of published events; an unreachable dependency is logged and retried."""
        try:
            published = await self.run_once()
            waiting, seconds = await self._feed.lag()
        except (Unavailable, RPCError) as error:
            log.warning("the relay can't publish now", error=self._reason(error))
            if isinstance(error, Unavailable):
                await self._listener.close()  # after a failover, its connection may be one to the old server
            return 0
        self._waiting.set(waiting)
        self._lag.set(seconds)
        return published

    def _reason(self, error: Unavailable | RPCError) -> str:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.UNIMPLEMENTED:
            return STANDALONE_ACTIVITIES.missing_in(self._client.namespace)
        return " ".join(str(error).split())[:300]

    async def run_once(self) -> int:
        """Publish the first event of each waiting process, then mark them; return how many.

        Raises Unavailable or RPCError when no event could be published.
        """
        async with self._feed.claim(BATCH) as claim:
            if not claim.events:
                return 0
            answers = await asyncio.gather(*map(self._publish, claim.events), return_exceptions=True)
            outcomes = list(zip(claim.events, answers, strict=True))
            published = [event for event, answer in outcomes if answer is None]
            await claim.mark(published)
        failures = [(event, answer) for event, answer in outcomes if answer is not None]
        transient = [answer for event, answer in failures if not await self._set_aside(event, answer)]
        if transient and not published:
            raise transient[0]
        return len(published)

    async def _publish(self, event: DomainEvent) -> None:
        for subscriber in subscribers_of(event):
            await deliveries.start(self._client, event, subscriber)

    async def _set_aside(self, event: DomainEvent, error: BaseException) -> bool:
        """Record a dead letter for an event that can never be published, and return whether it is one."""
        if isinstance(error, asyncio.CancelledError):
            raise error
        refused = isinstance(error, RPCError) and error.status in NOT_RETRYABLE
        permanent = refused or not isinstance(error, Unavailable | RPCError)
        if permanent:
            log.error("an event can't be published", event_id=event.event_id, process_id=event.process_id)
            await self._feed.on_exhausted(event, RELAY, type(error).__name__, str(error), attempts=1)
        return permanent
