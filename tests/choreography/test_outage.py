"""A database that is away: a delivery waits for it, and uses up no attempt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from choreography.deliveries import Deliveries
from choreography.reactions import Subscribers
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.outbox import Outbox
from models.attempts import DO_ATTEMPTS, UNDO_ATTEMPTS
from models.choreography import DomainEvent, EventDelivery
from models.errors import Unavailable
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.orders.placing import ChoreographedOrders
from tests.faults.chaos.processes.post import to_database
from tests.faults.chaos.strikes.proxy import LOOPBACK, Link
from tests.orders.scenarios import Scenario
from tests.services.shop import Shop

pytestmark = pytest.mark.server


@pytest.fixture
async def link(servers: Stack) -> AsyncIterator[Link]:
    link = Link("the worker ↔ database", lambda: to_database(servers))
    async with link.open():
        yield link


@pytest.fixture
async def deliveries(shop: Shop, link: Link, url: str) -> AsyncIterator[Deliveries]:
    """Yield the deliveries of a worker whose only way to the database is the link."""
    name = conninfo_to_dict(url)["dbname"]
    far = f"postgresql://postgres@{LOOPBACK}:{link.port}/{name}?sslmode=disable&gssencmode=disable"
    async with await Database.open(far, size=2) as db:
        services = Shop(db, shop.provider, shop.carrier)
        yield Deliveries(Subscribers(services), services.outbox_feed)


async def reserved(shop: Shop) -> DomainEvent:
    """Place an order, let its stock be reserved, and return the event to which the payments react."""
    order = Scenario("away").order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await Outbox().events(shop.db, order.order_id)
    await Subscribers(shop).handle("inventory", placed)
    return (await Outbox().events(shop.db, order.order_id))[-1]


def last_attempt(
    deliveries: Deliveries, event: DomainEvent, not_begun: int = 0
) -> tuple[ActivityEnvironment, asyncio.Task[str]]:
    environment = ActivityEnvironment()
    details = [not_begun] if not_begun else []
    environment.info = replace(environment.info, attempt=DO_ATTEMPTS + not_begun, heartbeat_details=details)
    delivery = EventDelivery(event_id=event.event_id, subscriber="payments")
    return environment, asyncio.ensure_future(environment.run(deliveries.handle_event, delivery))


async def waits(attempt: asyncio.Task[str]) -> None:
    """Return when an attempt has asked the database twice without an answer."""
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            while len([each for each in logs if each["event"] == "a delivery waits for the database"]) < 2:
                assert not attempt.done()
                await asyncio.sleep(0.05)


async def test_the_last_attempt_of_a_charge_waits_for_the_database_and_charges(
    shop: Shop, deliveries: Deliveries, link: Link
) -> None:
    event = await reserved(shop)
    link.cut()

    _, attempt = last_attempt(deliveries, event)
    await waits(attempt)
    link.heal()

    assert await attempt == "PaymentCharged"


async def test_a_waiting_delivery_does_not_hold_up_the_end_of_its_worker(
    shop: Shop, deliveries: Deliveries, link: Link
) -> None:
    event = await reserved(shop)
    link.cut()

    environment, attempt = last_attempt(deliveries, event)
    kept: list[object] = []
    environment.on_heartbeat = kept.append
    await waits(attempt)
    environment.worker_shutdown()

    with pytest.raises(Unavailable):
        await attempt
    assert kept[-1] == 1  # for the next attempt: this one did not count
    assert (await Outbox().events(shop.db, event.process_id))[-1].type == "StockReserved"


async def test_attempts_that_ended_while_they_waited_do_not_count(shop: Shop, deliveries: Deliveries) -> None:
    event = await reserved(shop)

    _, attempt = last_attempt(deliveries, event, not_begun=2 * UNDO_ATTEMPTS)

    assert await attempt == "PaymentCharged"


async def test_a_dead_delivery_that_can_not_be_recorded_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> str:
        raise Unavailable("the database refuses to write")

    event = await reserved(shop)
    monkeypatch.setattr(Subscribers, "handle", away)
    monkeypatch.setattr(OutboxFeed, "on_exhausted", away)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=UNDO_ATTEMPTS)

    # The watcher records a delivery that ended without a letter.
    with pytest.raises(ApplicationError) as ended:
        await environment.run(
            Deliveries(Subscribers(shop), shop.outbox_feed).handle_event,
            EventDelivery(event_id=event.event_id, subscriber="payments"),
        )
    assert ended.value.non_retryable
