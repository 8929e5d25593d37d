"""Purging: a service deletes the events of an order that has ended, long after its last event, and no other ones."""

import pytest

from choreography.assembly import Choreography
from choreography.purging import KEPT_SECONDS, Purging
from messaging.outbox.feed import OutboxFeed
from models.accepted import AcceptedProcess
from models.errors import NotBegun
from models.order import Order
from models.participants import OWNERS
from services.assembly import Services
from tests.choreography.conftest import NO_TEMPORAL, publish, stored_events
from tests.choreography.playing import place, play, play_out
from tests.orders.scenarios import Scenario
from tests.services.shop import Shop

DAYS = 24 * 3600.0
INBOX = "select count(*)::int from {}.inbox where process_id = %(id)s"
OLDER = b"update %s.outbox set at = at - %%(days)s * interval '1 day' where event_id = %%(id)s"


@pytest.fixture
def services(unchecked_shop: Shop) -> Services:
    """Return services that know what was accepted and has ended."""
    return Services(unchecked_shop.db, unchecked_shop.providers)


async def consumed(services: Services, order: Order) -> dict[str, int]:
    """Return how many events of an order each service remembers to have processed."""
    found = dict[str, int]()
    for owner in OWNERS:
        row = await services.db.row(INBOX.format(owner).encode(), {"id": order.order_id})
        found[owner] = row[0] if row else 0
    return found


async def aged(services: Services, order: Order, *, days: float, published: bool = True) -> None:
    """Make all events of an order older, and mark them as published."""
    for event in await stored_events(services, order.order_id):
        await publish(services, event, published=published)
        await services.db.rows(OLDER % event.publisher.encode(), {"days": days, "id": event.event_id})


async def purge(services: Services) -> dict[str, int]:
    return {owner: await Purging(services.feed(owner), services.accepted).run_once() for owner in OWNERS}


async def test_the_events_of_an_ended_order_are_deleted_in_every_service(services: Services) -> None:
    order, young = Scenario("old").order(), Scenario("young").order()
    for each, days in ((order, 31), (young, 29)):
        await place(services, each)
        await play_out(services, Choreography(NO_TEMPORAL, services).subscribers, each.order_id)
        await aged(services, each, days=days)
    before = await consumed(services, young)

    assert await purge(services) == {"orders": 2, "inventory": 2, "payments": 2, "shipping": 1}

    assert await stored_events(services, order.order_id) == []
    assert await consumed(services, order) == dict.fromkeys(OWNERS, 0)
    assert len(await stored_events(services, young.order_id)) == 7
    assert await consumed(services, young) == before
    assert await purge(services) == dict.fromkeys(OWNERS, 0)


@pytest.mark.parametrize("held_by", ["an open order", "an event that no relay published", "one young event"])
async def test_no_event_that_may_still_be_needed_is_deleted(services: Services, held_by: str) -> None:
    order = Scenario("kept").order()
    subscribers = Choreography(NO_TEMPORAL, services).subscribers
    placed = await place(services, order)
    if held_by == "an open order":
        await play(subscribers, placed)
    else:
        await play_out(services, subscribers, order.order_id)
    await aged(services, order, days=31)
    events = await stored_events(services, order.order_id)
    if held_by == "an event that no relay published":
        await publish(services, events[-1], published=False)
    elif held_by == "one young event":
        await services.db.rows(b"update orders.outbox set at = now() where type = 'OrderCompleted'")

    await Purging(services.feed("orders"), services.accepted).run_once()

    assert [each.type for each in await stored_events(services, order.order_id)] == [each.type for each in events]


async def test_more_processes_than_are_read_at_once_are_purged(services: Services) -> None:
    """The open ones among them are passed over, and don't hide those behind them."""
    rows = b"""
        insert into orders.outbox (event_id, process_id, type, version, payload, correlation_id, at, published_at)
        select 'e-' || n, 'p-' || lpad(n::text, 4, '0'), 'OrderPlaced', 1, '{}', 'c', now() - interval '31 days', now()
        from generate_series(1, 350) as n"""
    await services.db.rows(rows)

    class HalfEnded:
        async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess | None:
            assert fresh
            if process == "p-0350":
                return None
            return AcceptedProcess(process=process, ended=process > "p-0200")

    assert await Purging(services.feed("orders"), HalfEnded()).run_once() == 149
    assert len(await services.feed("orders").old(DAYS, 1000)) == 201


async def test_nothing_is_deleted_while_nobody_says_what_has_ended(services: Services) -> None:
    class Away:
        async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess | None:
            raise NotBegun("the orders don't answer")

    order = Scenario("asked").order()
    await place(services, order)
    await play_out(services, Choreography(NO_TEMPORAL, services).subscribers, order.order_id)
    await aged(services, order, days=31)

    with pytest.raises(NotBegun):
        await Purging(OutboxFeed(services.db, "orders"), Away(), KEPT_SECONDS).run_once()

    assert len(await stored_events(services, order.order_id)) == 7
