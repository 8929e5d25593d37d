"""The services on a real PostgreSQL, and a system with a real Temporal server, as the other rooms' tests have them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from choreography.reactions import Subscribers
from choreography.relay import Relay
from choreography.watcher import Watcher
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.outbox.feed import CHANNEL, OutboxFeed
from messaging.outbox.listener import OutboxListener
from messaging.outbox.outbox import Outbox
from models.choreography import DomainEvent
from models.dead_letters import DeadLetter
from models.names import workflow_id
from models.order import Order
from models.process import Status
from postgres.database import Database
from runtime.embedded.stack import Stack
from tests.services.conftest import db, migrated, shop, unchecked_shop, url
from tests.services.shop import Shop
from tests.systems import System, open_system
from worker import build

__all__ = ["db", "migrated", "shop", "unchecked_shop", "url"]  # fixtures

SECONDS_TO_END = 100


@pytest.fixture
def subscribers(shop: Shop) -> Subscribers:
    return Subscribers(shop)


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


async def types_of(database: Database, order: Order) -> list[str]:
    return [event.type for event in await Outbox().events(database, order.order_id)]


@dataclass(frozen=True)
class Stage:
    """A system whose worker takes deliveries, and whose relay and watcher only move when a test says so."""

    system: System
    relay: Relay
    watcher: Watcher
    feed: OutboxFeed

    @property
    def db(self) -> Database:
        return self.system.db

    async def place(self, order: Order) -> Order:
        assert (await self.system.services.choreographed_orders.place(order)).new
        return order

    async def events(self, order: Order) -> list[DomainEvent]:
        return await Outbox().events(self.db, order.order_id)

    async def pass_time(self, order: Order) -> None:
        """Have nothing happened for too long."""
        late = b"update outbox.processes set due_at = now() - interval '1 second' where process_id = %(id)s"
        await self.db.rows(late, {"id": order.order_id})

    async def until(self, order: Order, of_type: str) -> DomainEvent:
        """Relay until an event is there, not yet published."""
        async with asyncio.timeout(SECONDS_TO_END):
            while True:
                ready = [
                    event for event in await self.events(order) if event.event_id in await self._unpublished(order)
                ]
                found = [event for event in ready if event.type == of_type]
                if found:
                    return found[0]
                if ready:  # what follows from it is not there before it is published: it can't slip through
                    await self.relay.run_once()
                await asyncio.sleep(0.02)

    async def _unpublished(self, order: Order) -> set[str]:
        query = b"select event_id from outbox.events where process_id = %(id)s and published_at is null"
        return {event_id for (event_id,) in await self.db.rows(query, {"id": order.order_id})}

    async def to_the_end(self, order: Order) -> Status:
        async with asyncio.timeout(SECONDS_TO_END):
            while not (status := await order_status(self.db, order)).final:
                await self.relay.run_once()
                await asyncio.sleep(0.02)
        return status

    async def lose(self, event: DomainEvent) -> None:
        """Have an event count as published though nobody got it."""
        await self.db.rows(
            b"update outbox.events set published_at = now() where event_id = %(id)s", {"id": event.event_id}
        )

    async def deliveries(self, event: DomainEvent) -> list[Any]:
        """What Temporal knows of an event's deliveries."""
        query = f"ActivityId STARTS_WITH '{event.event_id}'"
        return [found async for found in self.system.client.list_activities(query)]


@pytest_asyncio.fixture(scope="session")
async def stage(servers: Stack) -> AsyncIterator[Stage]:
    async with open_system(servers) as opened:
        feed, listener = opened.services.outbox_feed, OutboxListener(opened.stack.database_url)
        watcher = Watcher(opened.client, opened.services)
        async with build(opened.client, opened.services, opened.settings):
            yield Stage(opened, Relay(opened.client, feed, listener), watcher, feed)
