"""Fixtures: the services on a real PostgreSQL, and a system on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from choreography.assembly import Choreography
from choreography.reactions import Subscribers
from choreography.relay import Relay
from choreography.watcher import Watcher
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.trace.undelivered import CHANNEL, Undelivered
from models.dead_letters import DeadLetter
from models.names import workflow_id
from models.order import Order
from models.participants import OWNERS
from models.process import Status
from models.trace import TracedEvent, by_cause
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.assembly import Services
from tests.services.conftest import db, migrated, shop, unchecked_shop, url
from tests.services.shop import Shop
from tests.systems import System, open_system
from worker import build

__all__ = ["db", "migrated", "shop", "unchecked_shop", "url"]  # fixtures

SECONDS_TO_END = 100


NO_TEMPORAL: Any = None
# Service → the query of its events of one process.
ALL_EVENTS = {
    owner: b"select event_id, published_at is null from %s.outbox where process_id = %%(id)s" % owner.encode()
    for owner in OWNERS
}


@pytest.fixture
def subscribers(shop: Shop) -> Subscribers:
    return Choreography(NO_TEMPORAL, shop).subscribers


async def stored_events(services: Services, order_id: str) -> list[TracedEvent]:
    """Return all events of an order, as a relay would trace them, by cause."""
    found = list[TracedEvent]()
    for owner, query in ALL_EVENTS.items():
        ids = [event_id for event_id, _ in await services.db.rows(query, {"id": order_id})]
        found += [TracedEvent.of(each.event, owner, each.problem) for each in await services.feed(owner).read(ids)]
    return by_cause(found)


async def dead_deliveries(db: Database, order: Order) -> list[DeadLetter]:
    return await DeadLetters(db).of_process(workflow_id(order.order_id), CHANNEL)


async def order_status(database: Database, order: Order) -> Status:
    row = await database.row(b"select status from orders.orders where order_id = %(id)s", {"id": order.order_id})
    assert row is not None
    return Status(row[0])


async def until_ended(database: Database, order: Order) -> Status:
    async with asyncio.timeout(SECONDS_TO_END):
        while not (status := await order_status(database, order)).final:
            await asyncio.sleep(0.05)
    return status


async def types_of(services: Services, order: Order) -> list[str]:
    return [event.type for event in await stored_events(services, order.order_id)]


async def publish(services: Services, event: TracedEvent, *, published: bool) -> None:
    """Mark an event as published without delivering it, or as not published."""
    mark = b"update %s.outbox set published_at = case when %%(published)s then now() end where event_id = %%(id)s"
    await services.db.rows(mark % event.publisher.encode(), {"id": event.event_id, "published": published})


@dataclass(frozen=True)
class Stage:
    """A system whose worker takes deliveries, and whose relay and watcher only run when a test calls them."""

    system: System
    relay: Relay
    watcher: Watcher

    @property
    def db(self) -> Database:
        return self.system.db

    @property
    def undelivered(self) -> Undelivered:
        return self.system.services.undelivered

    async def place(self, order: Order) -> Order:
        assert (await self.system.services.choreographed_orders.place(order)).new
        return order

    async def events(self, order: Order) -> list[TracedEvent]:
        return await stored_events(self.system.services, order.order_id)

    async def pass_time(self, order: Order) -> None:
        """Make an order overdue."""
        late = b"update trace.processes set due_at = now() - interval '1 second' where process_id = %(id)s"
        await self.db.rows(late, {"id": order.order_id})

    async def until(self, order: Order, of_type: str) -> TracedEvent:
        """Run the relay until an event of this type exists and is not yet published; return the event."""
        async with asyncio.timeout(SECONDS_TO_END):
            while True:
                ready = await self._unpublished(order)
                found = [event for event in ready if event.type == of_type]
                if found:
                    return found[0]
                if ready:  # an event's successors don't exist before it is published, so none is skipped
                    await self.relay.run_once()
                await asyncio.sleep(0.02)

    async def _unpublished(self, order: Order) -> list[TracedEvent]:
        waiting = set[str]()
        for query in ALL_EVENTS.values():
            rows = await self.db.rows(query, {"id": order.order_id})
            waiting |= {event_id for event_id, unpublished in rows if unpublished}
        return [event for event in await self.events(order) if event.event_id in waiting]

    async def to_the_end(self, order: Order) -> Status:
        async with asyncio.timeout(SECONDS_TO_END):
            while not (status := await order_status(self.db, order)).final:
                await self.relay.run_once()
                await asyncio.sleep(0.02)
        return status

    async def lose(self, event: TracedEvent) -> None:
        """Mark an event as published without delivering it, and trace it as a relay would have."""
        await publish(self.system.services, event, published=True)
        await self.system.services.trace.record([event])

    async def redrive(self, event_id: str, subscriber: str) -> None:
        """Publish the event of a dead delivery again, as a redrive does that nothing waits for."""
        trace = self.system.services.trace
        event = await trace.event(event_id)
        assert event
        assert await self.undelivered.is_dead(event_id, subscriber)
        redrives = await self.system.services.feed(event.publisher).again(event_id)
        assert redrives
        await trace.redriven(event_id, redrives)
        await self.undelivered.free(event_id, subscriber)

    async def deliveries(self, event: TracedEvent) -> list[Any]:
        """Return the activities that Temporal lists for an event's deliveries."""
        query = f"ActivityId STARTS_WITH '{event.event_id}'"
        return [found async for found in self.system.client.list_activities(query)]


@pytest_asyncio.fixture(scope="session")
async def stage(servers: Stack) -> AsyncIterator[Stage]:
    async with open_system(servers) as opened:
        choreography = Choreography(opened.client, opened.services)
        async with build(opened.client, opened.services, opened.settings):
            yield Stage(opened, choreography.relay(opened.stack.database_url), choreography.watcher)
