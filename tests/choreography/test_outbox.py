"""The guarantees of the outbox to relays, on a real PostgreSQL and without a Temporal server."""

import asyncio
from collections import Counter

import pytest

from messaging.outbox.feed import OutboxFeed
from messaging.outbox.listener import OutboxListener
from messaging.outbox.outbox import Outbox
from models.choreography import DomainEvent, EventData, EventType, StoredEvent
from models.errors import Unavailable
from models.money import Money
from models.order import Order
from models.participants import OWNERS
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from tests.orders.scenarios import Scenario

outbox = Outbox("inventory")
SECONDS_TO_WAKE = 60


def data(name: str = "o") -> EventData:
    return EventData(order=Scenario(name).order(order_id=name), total=Money(amount=1, currency="EUR"))


def feed_of(db: Database) -> OutboxFeed:
    return OutboxFeed(db, "inventory")


async def write(db: Database, *names: str) -> list[DomainEvent]:
    """Append an event to each of these processes, each in a separate transaction."""
    written = list[DomainEvent]()
    for name in names:
        async with unit_of_work(db) as unit:
            written.append(await outbox.append(unit, EventType.STOCK_RESERVED, data(name)))
    return written


async def publish_all(feed: OutboxFeed, into: list[str], limit: int = 3) -> None:
    """Publish as a relay does, until this relay can claim no more events; note their processes."""
    while True:
        async with feed.claim(limit) as claim:
            events = [stored.event for stored in claim.events]
            for event in events:
                into.append(event.process_id)
                await asyncio.sleep(0.001)
            await claim.mark(events)
            if not events:
                return


def names(events: list[StoredEvent]) -> list[str]:
    return [stored.event.process_id for stored in events]


async def test_a_rolled_back_transaction_emits_nothing(db: Database) -> None:
    async def fail() -> None:
        async with unit_of_work(db) as unit:
            await outbox.append(unit, EventType.STOCK_RESERVED, data("gone"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await feed_of(db).unpublished(0, 1) == []
    assert await feed_of(db).lag() == (0, 0.0)


async def test_an_event_is_in_the_outbox_of_its_service_only(db: Database) -> None:
    (event,) = await write(db, "o")

    found = {owner: await OutboxFeed(db, owner).read([event.event_id]) for owner in OWNERS}

    assert {owner: [stored.event for stored in events] for owner, events in found.items() if events} == {
        "inventory": [event]
    }


async def test_an_event_that_commits_late_is_not_skipped(db: Database) -> None:
    published: list[str] = []
    async with unit_of_work(db) as late:
        await outbox.append(late, EventType.STOCK_RESERVED, data("early-bird"))
        await write(db, "second", "third")
        await publish_all(feed_of(db), published)
        assert published == ["second", "third"]
    await publish_all(feed_of(db), published)

    assert published[2:] == ["early-bird"]


async def test_the_events_of_a_process_do_not_wait_for_each_other(db: Database) -> None:
    async with unit_of_work(db) as first:
        await outbox.append(first, EventType.STOCK_RESERVED, data())
        await write(db, "o")  # would fail after its lock timeout
        async with feed_of(db).claim(10) as claim:
            assert names(claim.events) == ["o"]


async def test_concurrent_relays_publish_every_event_and_none_twice(db: Database) -> None:
    processes = [f"p{number}" for number in range(6)]
    published: list[str] = []

    async def relay() -> None:
        while len(published) < 60:
            await publish_all(feed_of(db), published)
            await asyncio.sleep(0.002)

    async def writer() -> None:
        for _ in range(10):
            await write(db, *processes)

    await asyncio.wait_for(asyncio.gather(writer(), relay(), relay(), relay()), 60)

    assert Counter(published) == dict.fromkeys(processes, 10)


async def test_an_event_is_claimed_by_one_relay_at_a_time(db: Database) -> None:
    await write(db, "first", "second", "third")
    async with feed_of(db).claim(1) as held:
        async with feed_of(db).claim(10) as rest:
            assert (names(held.events), names(rest.events)) == (["first"], ["second", "third"])
            await rest.mark([stored.event for stored in rest.events])
        async with feed_of(db).claim(10) as none:
            assert none.events == []


async def test_a_relay_that_fails_before_it_marks_leaves_its_events_to_the_next(db: Database) -> None:
    await write(db, "o")
    seen: list[StoredEvent] = []

    async def fail() -> None:
        async with feed_of(db).claim(10) as claim:
            seen.extend(claim.events)
            await claim.mark([stored.event for stored in claim.events])
            raise Unavailable("the server went away")

    with pytest.raises(Unavailable):
        await fail()
    async with feed_of(db).claim(10) as claim:
        assert claim.events == seen != []


async def test_an_event_that_is_set_aside_is_not_claimed_until_it_is_published_again(db: Database) -> None:
    sick, _ = await write(db, "sick", "well")
    feed, published = feed_of(db), list[str]()
    async with feed.claim(1) as claim:
        await claim.set_aside(sick, "InvalidInput: no")

    await publish_all(feed, published)
    assert published == ["well"]
    assert await feed.lag() == (0, 0.0)
    assert await feed.unpublished(0, 10) == []
    (stored,) = await feed.read([sick.event_id])
    assert (stored.published, stored.problem) == (False, "InvalidInput: no")

    assert await feed.again(sick.event_id) == 1
    await publish_all(feed, published)
    assert published[1:] == ["sick"]
    (stored,) = await feed.read([sick.event_id])
    assert (stored.published, stored.problem, stored.event.redrives) == (True, None, 1)


async def test_an_event_is_published_again_with_a_higher_number(db: Database) -> None:
    (event,) = await write(db, "o")
    feed, published = feed_of(db), list[str]()

    assert [await feed.again(event.event_id) for _ in range(2)] == [1, 2]
    assert await feed.again("never") is None
    await publish_all(feed, published)

    assert published == ["o"]


async def test_an_event_whose_data_can_not_be_read_is_claimed_with_its_problem(db: Database) -> None:
    await write(db, "sick", "well")
    await db.rows(b"update inventory.outbox set payload = '[]' where process_id = 'sick'")

    async with feed_of(db).claim(10) as claim:
        sick, well = claim.events

    assert (sick.event.process_id, sick.event.payload, well.problem) == ("sick", {}, None)
    assert sick.problem


async def test_the_events_that_wait_for_a_relay_are_found_by_their_age(db: Database) -> None:
    await write(db, "old", "old", "young")
    await db.rows(b"update inventory.outbox set at = at - interval '90 seconds' where process_id = 'old'")
    feed = feed_of(db)

    assert [(each.process_id, each.event) for each in await feed.unpublished(60, 10)] == [("old", "StockReserved")]
    assert [each.process_id for each in await feed.unpublished(0, 10)] == ["old", "young"]
    assert [each.process_id for each in await feed.unpublished(0, 10, "young")] == ["young"]
    await publish_all(feed, [])
    assert await feed.unpublished(0, 10) == []


async def test_a_listener_is_woken_when_an_event_is_committed_and_not_before(db: Database, url: str) -> None:
    listener = OutboxListener(url)
    assert await listener.wait(0.01) == set()
    async with unit_of_work(db) as unit:
        await outbox.append(unit, EventType.STOCK_RESERVED, data())
        waking = asyncio.create_task(listener.wait(10 * SECONDS_TO_WAKE))
        await asyncio.sleep(0.2)
        assert not waking.done()
    assert await asyncio.wait_for(waking, SECONDS_TO_WAKE) == {"inventory"}
    await listener.close()


async def test_a_listener_without_a_connection_returns_after_its_timeout() -> None:
    lost = OutboxListener("postgresql://127.0.0.1:1/none")
    assert await asyncio.wait_for(lost.wait(0.01), SECONDS_TO_WAKE) == set()


async def test_lag_is_the_age_of_the_oldest_unpublished_event(db: Database) -> None:
    first, _ = await write(db, "o", "o")
    late = b"update inventory.outbox set at = at - interval '90 seconds' where event_id = %(id)s"
    await db.rows(late, {"id": first.event_id})

    waiting, seconds = await feed_of(db).lag()
    assert waiting == 2
    assert seconds >= 90


async def test_a_hundred_duplicates_are_consumed_once(db: Database) -> None:
    (event,) = await write(db, "o")
    payments = Outbox("payments")

    first = await asyncio.gather(*(payments.consume(db, event, EventType.PAYMENT_CHARGED) for _ in range(100)))

    assert first.count(True) == 1
    assert await payments.consumed(db, event.event_id) == (True, "PaymentCharged")
    assert await Outbox("shipping").consumed(db, event.event_id) == (False, None)


@pytest.mark.parametrize(
    ("of_type", "follows"), [("PaymentRefunded", EventType.STOCK_RELEASED), ("OrderPlaced", EventType.STOCK_RESERVED)]
)
async def test_a_process_is_superseded_by_an_event_that_takes_it_back(
    db: Database, of_type: str, follows: EventType
) -> None:
    """Only in the service that has consumed it."""
    (event,) = await write(db, "o")
    await outbox.consume(db, event.model_copy(update={"type": of_type}), follows)

    assert await outbox.superseded(db, "o") is (of_type == "PaymentRefunded")
    assert not await outbox.superseded(db, "other")
    assert not await Outbox("payments").superseded(db, "o")


def test_event_data_is_the_same_after_a_round_trip() -> None:
    order: Order = Scenario("back").order()
    sent = EventData(order=order, total=Money(amount=5, currency="EUR"), tracking="T", reason="r")
    assert EventData.model_validate_json(sent.model_dump_json()) == sent
