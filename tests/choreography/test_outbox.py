"""The guarantees of the outbox to relays, on a real PostgreSQL and without a Temporal server."""

import asyncio
import time
from collections import defaultdict

import pytest

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.listener import OutboxListener
from messaging.outbox.outbox import Outbox
from models.choreography import DomainEvent, EventData, EventType
from models.errors import Unavailable
from models.money import Money
from models.order import Order
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from tests.orders.scenarios import Scenario

outbox = Outbox()


def data(name: str = "o") -> EventData:
    return EventData(order=Scenario(name).order(order_id=name), total=Money(amount=1, currency="EUR"))


async def write(db: Database, *names: str, of_type: EventType = EventType.STOCK_RESERVED) -> None:
    """Append an event to each of these processes, each in a separate transaction."""
    for name in names:
        async with unit_of_work(db) as unit:
            await outbox.begin(unit, name, None)
            await outbox.append(unit, of_type, data(name))


async def publish_all(feed: OutboxFeed, into: list[tuple[str, int]], limit: int = 3) -> None:
    """Publish as a relay does, until this relay can claim no more events."""
    while True:
        async with feed.claim(limit) as claim:
            for event in claim.events:
                into.append((event.process_id, event.sequence))
                await asyncio.sleep(0.001)
            await claim.mark(claim.events)
            if not claim.events:
                return


async def test_a_rolled_back_transaction_emits_nothing(db: Database) -> None:
    async def fail() -> None:
        async with unit_of_work(db) as unit:
            await outbox.begin(unit, "gone", None)
            await outbox.append(unit, EventType.ORDER_PLACED, data("gone"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await outbox.events(db, "gone") == []
    assert await OutboxFeed(db).lag() == (0, 0.0)


async def test_an_event_that_commits_late_is_not_skipped(db: Database) -> None:
    published: list[tuple[str, int]] = []
    async with unit_of_work(db) as late:
        await outbox.begin(late, "early-bird", None)
        await outbox.append(late, EventType.ORDER_PLACED, data("early-bird"))
        await write(db, "second", "third")
        await publish_all(OutboxFeed(db), published)
        assert published == [("second", 1), ("third", 1)]
    await publish_all(OutboxFeed(db), published)

    assert published[2:] == [("early-bird", 1)]


async def test_the_events_of_a_process_commit_in_the_order_of_their_numbers(db: Database) -> None:
    await write(db, "o")
    async with unit_of_work(db) as first:
        await outbox.append(first, EventType.STOCK_RESERVED, data())
        second = asyncio.create_task(write(db, "o"))
        await asyncio.sleep(0.2)
        assert not second.done()
        assert [event.sequence for event in await outbox.events(db, "o")] == [1]
    await second

    assert [event.sequence for event in await outbox.events(db, "o")] == [1, 2, 3]


async def test_concurrent_relays_publish_each_process_in_its_order_and_no_event_twice(db: Database) -> None:
    names = [f"p{number}" for number in range(6)]
    published: list[tuple[str, int]] = []

    async def relay() -> None:
        while len(published) < 60:
            await publish_all(OutboxFeed(db), published)
            await asyncio.sleep(0.002)

    async def writer() -> None:
        for _ in range(10):
            await write(db, *names)

    await asyncio.wait_for(asyncio.gather(writer(), relay(), relay(), relay()), 60)

    by_process = defaultdict(list)
    for process, sequence in published:
        by_process[process].append(sequence)
    assert by_process == {name: list(range(1, 11)) for name in names}


async def test_a_process_is_claimed_by_one_relay_at_a_time(db: Database) -> None:
    await write(db, "o", "o", "other")
    async with OutboxFeed(db).claim(1) as held:
        async with OutboxFeed(db).claim(10) as rest:
            assert [event.process_id for event in held.events + rest.events] == ["o", "other"]
            await rest.mark(rest.events)
        async with OutboxFeed(db).claim(10) as none:
            assert none.events == []


async def test_a_relay_that_fails_before_it_marks_leaves_its_events_to_the_next(db: Database) -> None:
    await write(db, "o")
    seen: list[DomainEvent] = []

    async def fail() -> None:
        async with OutboxFeed(db).claim(10) as claim:
            seen.extend(claim.events)
            await claim.mark(claim.events)
            raise Unavailable("the server went away")

    with pytest.raises(Unavailable):
        await fail()
    async with OutboxFeed(db).claim(10) as claim:
        assert claim.events == seen != []


async def test_a_dead_letter_blocks_only_its_own_process_until_it_is_redriven(db: Database) -> None:
    await write(db, "sick", "sick", "well")
    feed, published = OutboxFeed(db), list[tuple[str, int]]()
    async with feed.claim(1) as claim:
        await claim.mark(claim.events)
    (first, _) = await outbox.events(db, "sick")
    await feed.on_exhausted(first, "payments", "Final", "no", attempts=8)

    await publish_all(feed, published)
    assert published == [("well", 1)]
    (letter,) = await DeadLetters(db).of_process("order-sick", "deliveries")
    assert (letter.message_id, letter.place) == (f"{first.event_id}:payments", "StockReserved → payments")
    assert (letter.error_type, letter.cause, letter.attempts) == ("Final", "no", 8)
    assert DomainEvent.model_validate_json(letter.original) == first

    assert await feed.redrive(first.event_id, "payments")
    assert not await feed.redrive(first.event_id, "payments")
    await publish_all(feed, published)
    assert published[1:] == [("sick", 1), ("sick", 2)]
    assert [event.redrives for event in await outbox.events(db, "sick")] == [1, 0]


async def test_a_listener_is_woken_when_an_event_is_committed_and_not_before(db: Database, url: str) -> None:
    listener = OutboxListener(url)
    await listener.wait(0.01)
    async with unit_of_work(db) as unit:
        await outbox.begin(unit, "o", None)
        await outbox.append(unit, EventType.ORDER_PLACED, data())
        waking = asyncio.create_task(listener.wait(20))
        await asyncio.sleep(0.2)
        assert not waking.done()
    began = time.monotonic()
    await waking
    await listener.close()

    assert time.monotonic() - began < 10


async def test_a_listener_without_a_connection_returns_after_its_timeout() -> None:
    await asyncio.wait_for(OutboxListener("postgresql://127.0.0.1:1/none").wait(0.01), 5)


async def test_lag_is_the_age_of_the_oldest_unpublished_event(db: Database) -> None:
    await write(db, "o", "o")
    await db.rows(b"update outbox.events set at = now() - interval '90 seconds' where sequence = 1")

    waiting, seconds = await OutboxFeed(db).lag()
    assert waiting == 2
    assert 89 < seconds < 120


@pytest.mark.parametrize("held_by", ["nothing", "an unpublished event", "a dead letter", "youth"])
async def test_purge_takes_whole_processes_that_ended_and_can_not_be_delivered_again(
    db: Database, held_by: str
) -> None:
    await write(db, "open")
    await write(db, "ended", of_type=EventType.ORDER_COMPLETED)
    feed = OutboxFeed(db)
    if held_by != "an unpublished event":
        await publish_all(feed, [])
    if held_by == "a dead letter":
        await feed.on_exhausted((await outbox.events(db, "ended"))[0], "orders", "Final", "no", 1)
    if held_by != "youth":
        await db.rows(b"update outbox.processes set ended_at = now() - interval '2 days' where process_id = 'ended'")

    assert await feed.purge(24 * 3600) == (held_by == "nothing")
    assert bool(await outbox.events(db, "ended")) is (held_by != "nothing")
    assert await outbox.events(db, "open")


async def test_a_hundred_duplicates_are_consumed_once(db: Database) -> None:
    await write(db, "o")
    (event,) = await outbox.events(db, "o")

    first = await asyncio.gather(*(outbox.consume(db, "payments", event) for _ in range(100)))

    assert first.count(True) == 1
    assert await outbox.consumed(db, "payments", event)
    assert not await outbox.consumed(db, "shipping", event)


def test_event_data_is_the_same_after_a_round_trip() -> None:
    order: Order = Scenario("back").order()
    sent = EventData(order=order, total=Money(amount=5, currency="EUR"), tracking="T", reason="r")
    assert EventData.model_validate_json(sent.model_dump_json()) == sent
