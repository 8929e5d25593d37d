"""A dependency that is away: a delivery waits for it, and uses up no attempt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from choreography.assembly import Choreography
from choreography.handling import Deliveries
from choreography.reactions import Subscribers
from messaging.trace.undelivered import CHANNEL, Undelivered
from models.accepted import AcceptedProcess
from models.attempts import DO_ATTEMPTS, UNDO_ATTEMPTS
from models.choreography import DomainEvent, EventDelivery
from models.errors import NotBegun, Unavailable
from postgres.database import Database
from runtime.embedded.stack import Stack
from tests.choreography.conftest import NO_TEMPORAL
from tests.choreography.playing import events_of, last_of, place, play
from tests.faults.chaos.processes.post import to_database
from tests.faults.chaos.strikes.proxy import LOOPBACK, Link
from tests.orders.scenarios import Scenario
from tests.services.shop import AnyProcess, Shop

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
        yield Choreography(NO_TEMPORAL, Shop(db, shop.provider, shop.carrier)).deliveries


class Orders:
    """The port to what was accepted, whose service can be away."""

    def __init__(self) -> None:
        self.away, self._known = True, AnyProcess()

    async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess:
        if self.away:
            raise NotBegun("the orders don't answer")
        return await self._known.of(process, fresh=fresh)


async def reserved(shop: Shop) -> DomainEvent:
    """Place an order, let its stock be reserved, and return the event to which the payments react."""
    order = Scenario("away").order()
    await play(Choreography(NO_TEMPORAL, shop).subscribers, await place(shop, order))
    return await last_of(shop, order.order_id, "StockReserved")


def delivery_of(event: DomainEvent) -> EventDelivery:
    return EventDelivery(event_id=event.event_id, publisher="inventory", subscriber="payments")


def last_attempt(
    deliveries: Deliveries, event: DomainEvent, not_begun: int = 0
) -> tuple[ActivityEnvironment, asyncio.Task[str]]:
    environment = ActivityEnvironment()
    details = [not_begun] if not_begun else []
    environment.info = replace(environment.info, attempt=DO_ATTEMPTS + not_begun, heartbeat_details=details)
    return environment, asyncio.ensure_future(environment.run(deliveries.handle_event, delivery_of(event)))


async def waits(attempt: asyncio.Task[str]) -> None:
    """Return when an attempt has asked twice without an answer."""
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            while len([each for each in logs if each["event"] == "a delivery waits before it begins"]) < 2:
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
    assert [each.type for each in await events_of(shop, event.process_id)] == ["OrderPlaced", "StockReserved"]


async def test_attempts_that_ended_while_they_waited_do_not_count(shop: Shop, deliveries: Deliveries) -> None:
    event = await reserved(shop)

    _, attempt = last_attempt(deliveries, event, not_begun=2 * UNDO_ATTEMPTS)

    assert await attempt == "PaymentCharged"


async def test_a_dead_delivery_that_can_not_be_recorded_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> str:
        raise Unavailable("the database refuses to write")

    event = await reserved(shop)
    monkeypatch.setattr(Subscribers, "handle", away)
    monkeypatch.setattr(Undelivered, "record", away)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=UNDO_ATTEMPTS)

    # The watcher records a delivery that ended without a letter.
    with pytest.raises(ApplicationError) as ended:
        await environment.run(Choreography(NO_TEMPORAL, shop).deliveries.handle_event, delivery_of(event))
    assert ended.value.non_retryable


@pytest.mark.parametrize("worker", ["goes on", "stops"])
async def test_a_delivery_waits_for_the_service_that_it_asks_what_was_accepted(shop: Shop, worker: str) -> None:
    """Although this is the attempt after which a charge is given up, and the reaction itself asks."""
    event, orders = await reserved(shop), Orders()
    asking = Shop(shop.db, shop.provider, shop.carrier)
    asking.accepted = orders

    environment, attempt = last_attempt(Choreography(NO_TEMPORAL, asking).deliveries, event)
    kept: list[object] = []
    environment.on_heartbeat = kept.append
    await waits(attempt)
    assert set(kept) == {1}
    if worker == "stops":
        environment.worker_shutdown()
        with pytest.raises(NotBegun):
            await attempt
        assert kept[-1] == 1
    else:
        orders.away = False
        assert await attempt == "PaymentCharged"
        assert kept[-1] == 0


async def test_a_missing_right_is_not_waited_for(shop: Shop) -> None:
    """Only a person can help, so the attempts are used up, and the delivery becomes a dead letter."""

    class Forbidden(Orders):
        async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess:
            raise NotBegun("permission denied", lasting=True)

    event = await reserved(shop)
    asking = Shop(shop.db, shop.provider, shop.carrier)
    asking.accepted = Forbidden()
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=UNDO_ATTEMPTS)

    with pytest.raises(ApplicationError, match="permission denied"):
        await environment.run(Choreography(NO_TEMPORAL, asking).deliveries.handle_event, delivery_of(event))

    (letter,) = await shop.dead_letters.of_process(f"order-{event.process_id}", CHANNEL)
    assert letter.attempts == UNDO_ATTEMPTS
