"""Reactions without a Temporal server: in any order and with any repetition, an order ends the same."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from choreography.reactions import REACTIONS, REPEATED, TOO_LATE, Subscribers, subscribers_of
from client.choreographed import ChoreographedClient
from client.connection import Connection
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.outbox import Outbox
from models.choreography import LAST, DomainEvent, EventData, EventType
from models.errors import AlreadyUndone, Conflict, InvalidInput, OrderRejected, Unavailable
from postgres.unit_of_work import unit_of_work
from services.orders.placing import ChoreographedOrders
from tests.choreography.conftest import order_status, types_of
from tests.orders.scenarios import Scenario
from tests.services.shop import Shop

SETTLED = ["PaymentSettled", "StockSettled", "OrderCompleted"]
TIMED_OUT = ["OrderTimedOut", "ShipmentRecalled", "PaymentRefunded", "StockReleased", "OrderFailed"]
PATHS = {
    "completed": (Scenario("fine"), ["StockReserved", "PaymentCharged", "ShipmentCreated", *SETTLED]),
    "no stock": (Scenario("none", lines=(("SKU-RARE", 2),)), ["StockRejected", "OrderFailed"]),
    "declined": (
        Scenario("declined", token="tok_declined"),
        ["StockReserved", "PaymentDeclined", "StockReleased", "OrderFailed"],
    ),
    "refused": (
        Scenario("refused", postcode="00000"),
        ["StockReserved", "PaymentCharged", "ShipmentRefused", "PaymentRefunded", "StockReleased", "OrderFailed"],
    ),
}
outbox = Outbox()
NO_TEMPORAL: Any = None


async def play(shop: Shop, subscribers: Subscribers, event: DomainEvent) -> str:
    """Deliver one event as the relay would, with retries; return the last outcome."""
    outcome = REPEATED
    for subscriber in subscribers_of(event):
        for attempt in range(1, 9):
            try:
                outcome = await subscribers.handle(subscriber, event, attempt)
                break
            except Unavailable:
                assert attempt < 8
    return outcome


async def play_out(shop: Shop, subscribers: Subscribers, order_id: str) -> list[DomainEvent]:
    """Deliver every event in its order until there are no new ones; return all events."""
    done = 0
    while True:
        events = await outbox.events(shop.db, order_id)
        if len(events) == done:
            return events
        for event in events[done:]:
            await play(shop, subscribers, event)
        done = len(events)


@pytest.mark.parametrize("path", PATHS)
async def test_each_path_emits_its_events_in_order(shop: Shop, subscribers: Subscribers, path: str) -> None:
    scenario, expected = PATHS[path]
    order = scenario.order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)

    await play_out(shop, subscribers, order.order_id)

    assert await types_of(shop.db, order) == ["OrderPlaced", *expected]


async def test_every_event_is_caused_by_one_other_and_all_belong_to_the_order(
    shop: Shop, subscribers: Subscribers
) -> None:
    order = PATHS["refused"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)

    events = await play_out(shop, subscribers, order.order_id)

    assert [event.causation_id for event in events] == [None, *(event.event_id for event in events[:-1])]
    assert {event.correlation_id for event in events} == {order.order_id}
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("seed", range(25))
async def test_repeated_late_and_reordered_events_converge_with_a_timeout_at_any_moment(
    shop: Shop, subscribers: Subscribers, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    scenario, expected = PATHS[chance.choice(list(PATHS))]
    order = scenario.order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    times_out = chance.random() < 0.5
    for _ in range(200):
        events = await outbox.events(shop.db, order.order_id)
        if times_out and chance.random() < 0.3 and not {event.type for event in events} & {"ShipmentCreated", *LAST}:
            times_out = False
            async with unit_of_work(shop.db) as unit:
                await outbox.append(unit, EventType.ORDER_TIMED_OUT, EventData.of(events[-1]), events[-1])
        await play(shop, subscribers, chance.choice(events))
    types = await types_of(shop.db, order)

    assert len({event for event in types if event in LAST}) == 1
    assert types.count(types[-1]) == 1
    if "OrderTimedOut" in types:
        assert set(TIMED_OUT) <= set(types) or types[-1] == "OrderFailed"
        assert await order_status(shop.db, order) == "compensated"
    else:
        assert types == ["OrderPlaced", *expected]


async def test_a_repeated_delivery_has_no_effect(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    events = await play_out(shop, subscribers, order.order_id)

    assert [await play(shop, subscribers, event) for event in events] == [REPEATED] * len(events)
    assert len(await types_of(shop.db, order)) == len(events)


async def test_thirty_concurrent_deliveries_have_one_effect_and_one_event(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await outbox.events(shop.db, order.order_id)
    outcomes = await asyncio.gather(*(subscribers.handle("inventory", placed) for _ in range(30)))
    reserved = (await outbox.events(shop.db, order.order_id))[-1]
    outcomes += await asyncio.gather(*(subscribers.handle("payments", reserved) for _ in range(30)))

    assert Counter(outcomes) == {REPEATED: 58, "StockReserved": 1, "PaymentCharged": 1}
    assert (await shop.inventory.levels())["SKU-1"].reserved == 2
    assert await types_of(shop.db, order) == ["OrderPlaced", "StockReserved", "PaymentCharged"]


async def test_an_order_with_a_dead_letter_waits_for_an_operator(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await outbox.events(shop.db, order.order_id)
    standing_of = ChoreographedClient(Connection.to(NO_TEMPORAL, shop)).standing
    assert not (await standing_of(order.order_id)).at_rest

    await OutboxFeed(shop.db).on_exhausted(placed, "inventory", "Final", "never", attempts=8)
    standing = await standing_of(order.order_id)

    assert standing.at_rest
    assert (standing.result.status, standing.result.reason) == ("needs_attention", "Final: never")


async def test_a_charge_that_is_delivered_after_the_undo_is_too_late(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await outbox.events(shop.db, order.order_id)
    await play(shop, subscribers, placed)
    reserved = (await outbox.events(shop.db, order.order_id))[-1]
    async with unit_of_work(shop.db) as unit:
        await outbox.append(unit, EventType.ORDER_TIMED_OUT, EventData.of(reserved), reserved)
    undoing = (await outbox.events(shop.db, order.order_id))[-1]
    await play(shop, subscribers, undoing)
    await play(shop, subscribers, (await outbox.events(shop.db, order.order_id))[-1])

    assert await play(shop, subscribers, reserved) == TOO_LATE


async def test_an_effect_and_its_event_are_rolled_back_together(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await outbox.events(shop.db, order.order_id)
    # An ended process takes no event, so the reservation can't be committed either.
    await shop.db.rows(b"update outbox.processes set ended_at = now()")

    assert await play(shop, subscribers, placed) == TOO_LATE
    assert (await shop.inventory.levels())["SKU-1"].reserved == 0


async def test_an_order_is_placed_once_by_any_number_of_callers(shop: Shop) -> None:
    order = PATHS["completed"][0].order()

    placed = [await ChoreographedOrders(shop.db, Outbox()).place(order) for _ in range(3)]

    assert [each.new for each in placed] == [True, False, False]
    assert await types_of(shop.db, order) == ["OrderPlaced"]
    with pytest.raises(Conflict):
        await ChoreographedOrders(shop.db, Outbox()).place(PATHS["declined"][0].order(order_id=order.order_id))


async def test_an_order_of_the_other_style_is_never_run_again_as_events(shop: Shop) -> None:
    order = PATHS["completed"][0].order()
    await shop.orders.accept(order)

    with pytest.raises(Conflict, match="was placed with the style orchestrated"):
        await ChoreographedOrders(shop.db, Outbox()).place(order)
    assert await outbox.events(shop.db, order.order_id) == []


async def test_a_rejected_order_leaves_no_event(shop: Shop) -> None:
    order = Scenario("unknown", lines=(("SKU-NONE", 1),)).order()

    with pytest.raises(OrderRejected):
        await ChoreographedOrders(shop.db, Outbox()).place(order)
    assert await outbox.events(shop.db, order.order_id) == []


async def test_an_event_that_can_not_be_decoded_is_refused(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    (placed,) = await outbox.events(shop.db, order.order_id)

    changes: list[dict[str, object]] = [{"version": 2}, {"type": "OrderEaten"}, {"payload": {}}]
    for change in changes:
        with pytest.raises(InvalidInput):
            await subscribers.handle("inventory", placed.model_copy(update=change))
    with pytest.raises(InvalidInput, match="does not subscribe"):
        await subscribers.handle("shipping", placed)


async def test_an_ended_process_takes_no_more_events(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await ChoreographedOrders(shop.db, Outbox()).place(order)
    events = await play_out(shop, subscribers, order.order_id)

    with pytest.raises(AlreadyUndone):
        await outbox.append(shop.db, EventType.ORDER_TIMED_OUT, EventData.of(events[0]), events[-1])


def test_the_table_contains_every_event_and_only_the_last_ones_have_no_subscriber() -> None:
    assert set(REACTIONS) == set(EventType)
    assert {event for event, reactions in REACTIONS.items() if not reactions} == LAST
