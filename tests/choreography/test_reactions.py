"""Reactions without a Temporal server: in any order and with any repetition, an order ends the same."""

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest

from choreography.assembly import Choreography
from choreography.reactions import Subscribers
from client.choreographed import ChoreographedClient
from client.connection import Connection
from models.choreography import LAST, PUBLISHER, REPEATED, SUBSCRIBER, TOO_LATE, DomainEvent, EventType
from models.errors import AlreadyUndone, Conflict, Final, InvalidInput, OrderRejected, Unavailable
from models.trace import TracedEvent
from postgres.database import Database
from services.assembly import Services
from tests.choreography.conftest import NO_TEMPORAL, order_status, stored_events, types_of
from tests.choreography.playing import events_of, last_of, place, play, play_out, turn_back
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.services.shop import Shop

SETTLED = ["PaymentSettled", "StockSettled", "OrderCompleted"]
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


@pytest.mark.parametrize("path", PATHS)
async def test_each_path_emits_its_events_in_order(shop: Shop, subscribers: Subscribers, path: str) -> None:
    scenario, expected = PATHS[path]
    order = scenario.order()
    await place(shop, order)

    await play_out(shop, subscribers, order.order_id)

    assert await types_of(shop, order) == ["OrderPlaced", *expected]
    for event in await stored_events(shop, order.order_id):
        assert event.publisher == PUBLISHER[EventType(event.type)]


async def test_every_event_is_caused_by_one_other_and_all_belong_to_the_order(
    shop: Shop, subscribers: Subscribers
) -> None:
    order = PATHS["refused"][0].order()
    await place(shop, order)

    events = await play_out(shop, subscribers, order.order_id)

    assert [event.causation_id for event in events] == [None, *(event.event_id for event in events[:-1])]
    assert {event.correlation_id for event in events} == {order.order_id}
    numbered = await stored_events(shop, order.order_id)
    assert [event.sequence for event in numbered] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("seed", range(25))
async def test_repeated_late_and_reordered_events_converge_with_a_timeout_at_any_moment(
    unchecked_shop: Shop, seed: int
) -> None:
    shop = Services(unchecked_shop.db, unchecked_shop.providers)  # which know what was accepted and has ended
    subscribers = Choreography(NO_TEMPORAL, shop).subscribers
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    scenario, expected = PATHS[chance.choice(list(PATHS))]
    order = scenario.order()
    await place(shop, order)
    times_out = chance.random() < 0.5
    for _ in range(60):
        events = await events_of(shop, order.order_id)
        if times_out and chance.random() < 0.3 and not {event.type for event in events} & LAST:
            times_out = False
            await turn_back(shop, events[-1])
        await play(subscribers, chance.choice(events))
    await play_out(shop, subscribers, order.order_id)

    types, status = await types_of(shop, order), await order_status(shop.db, order)
    assert len([each for each in types if each in LAST]) == 1
    assert status == ("completed" if "OrderCompleted" in types else "compensated")
    if "ShipmentCreated" in types:  # an order whose parcel is with the carrier goes forward, also when it timed out
        assert status == "completed"
    if "OrderTimedOut" not in types:
        assert types == ["OrderPlaced", *expected]
    await assert_conserved(shop.db)

    # Everything once more, in any order: nothing of it has an effect.
    events = await events_of(shop, order.order_id)
    answers = [await play(subscribers, event) for event in chance.sample(events, len(events))]
    assert all(not answer or answer.startswith(REPEATED) for answer in answers)
    assert (await types_of(shop, order), await order_status(shop.db, order)) == (types, status)


async def test_a_repeated_delivery_has_no_effect_and_says_what_followed(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await place(shop, order)
    events = await play_out(shop, subscribers, order.order_id)

    answers = [await play(subscribers, event) for event in events[:-1]]

    assert answers == [f"{REPEATED}: {event.type}" for event in events[1:]]
    assert len(await types_of(shop, order)) == len(events)


async def test_thirty_concurrent_deliveries_have_one_effect_and_one_event(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    placed = await place(shop, order)
    outcomes = await asyncio.gather(*(subscribers.handle("inventory", placed) for _ in range(30)))
    reserved = await last_of(shop, order.order_id, "StockReserved")
    outcomes += await asyncio.gather(*(subscribers.handle("payments", reserved) for _ in range(30)))

    effects = ("StockReserved", "PaymentCharged")
    assert Counter(outcomes) == dict.fromkeys(effects, 1) | {f"{REPEATED}: {name}": 29 for name in effects}
    assert (await shop.inventory.levels())["SKU-1"].reserved == 2
    assert await types_of(shop, order) == ["OrderPlaced", *effects]


async def test_an_order_with_a_dead_letter_waits_for_an_operator(shop: Shop) -> None:
    order = PATHS["completed"][0].order()
    placed = await place(shop, order)
    standing_of = ChoreographedClient(Connection.to(NO_TEMPORAL, shop)).standing
    assert not (await standing_of(order.order_id)).at_rest

    await shop.undelivered.record(TracedEvent.of(placed, "orders"), "inventory", "Final", "never", 8, placed)
    standing = await standing_of(order.order_id)

    assert standing.at_rest
    assert (standing.result.status, standing.result.reason) == ("needs_attention", "Final: never")


async def test_a_charge_that_is_delivered_after_the_undo_is_too_late(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await play(subscribers, await place(shop, order))
    reserved = await last_of(shop, order.order_id, "StockReserved")
    assert await play(subscribers, await turn_back(shop, reserved)) == "ShipmentRecalled"
    await play(subscribers, await last_of(shop, order.order_id, "ShipmentRecalled"))

    assert await play(subscribers, reserved) == TOO_LATE
    assert await play(subscribers, reserved) == f"{REPEATED}: {TOO_LATE}"


async def test_a_charge_that_the_undo_has_overtaken_is_retried_until_its_undo_is_recorded(
    shop: Shop, subscribers: Subscribers
) -> None:
    """The tombstone commits before the undo is complete; only a recorded undo makes an event too late."""
    order = PATHS["completed"][0].order()
    await play(subscribers, await place(shop, order))
    reserved = await last_of(shop, order.order_id, "StockReserved")
    await shop.db.rows(
        b"insert into payments.receipts (key, request_hash, status) values (%(key)s, '', 'tombstone')",
        {"key": f"{order.order_id}:charge"},
    )

    with pytest.raises(Unavailable):
        await subscribers.handle("payments", reserved)

    await play(subscribers, await turn_back(shop, reserved))
    await play(subscribers, await last_of(shop, order.order_id, "ShipmentRecalled"))
    assert await play(subscribers, reserved) == TOO_LATE


async def test_a_timeout_that_is_delivered_after_the_order_completed_is_too_late(unchecked_shop: Shop) -> None:
    """Such a delivery is handled: it leaves no dead letter behind a completed order."""
    services = Services(unchecked_shop.db, unchecked_shop.providers)  # which know that the order is complete
    subscribers = Choreography(NO_TEMPORAL, services).subscribers
    order = PATHS["completed"][0].order()
    placed = await place(services, order)
    timed_out = await turn_back(services, placed)
    for of_type in ("OrderPlaced", *PATHS["completed"][1][:-1]):
        await play(subscribers, await last_of(services, order.order_id, of_type))
    assert await order_status(services.db, order) == "completed"

    assert await subscribers.handle("shipping", timed_out) == TOO_LATE
    assert await subscribers.handle("shipping", timed_out) == f"{REPEATED}: {TOO_LATE}"
    assert await order_status(services.db, order) == "completed"
    await assert_conserved(services.db)


async def test_an_effect_and_its_event_are_rolled_back_together(shop: Shop) -> None:
    async def refuse(_unit: Database, _event: DomainEvent) -> None:
        raise Final("no event")

    order = PATHS["completed"][0].order()
    placed = await place(shop, order)
    inventory = replace(Choreography(NO_TEMPORAL, shop).participants["inventory"], appended=refuse)

    with pytest.raises(Final):
        await Subscribers({"inventory": inventory}).handle("inventory", placed)

    assert (await shop.inventory.levels())["SKU-1"].reserved == 0
    assert await types_of(shop, order) == ["OrderPlaced"]
    assert await inventory.outbox.consumed(shop.db, placed.event_id) == (False, None)


async def test_an_order_that_has_ended_is_not_closed_again(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["declined"][0].order()
    event = await place(shop, order)
    for _ in range(3):
        await play(subscribers, event)
        event = (await events_of(shop, order.order_id))[-1]
    await shop.db.rows(b"update trace.processes set ended_at = now()")

    assert event.type == "StockReleased"
    assert await play(subscribers, event) == TOO_LATE
    assert await order_status(shop.db, order) == "running"
    assert (await types_of(shop, order))[-1] == "StockReleased"


async def test_an_order_is_placed_once_by_any_number_of_callers(shop: Shop) -> None:
    order = PATHS["completed"][0].order()

    placed = [await shop.choreographed_orders.place(order) for _ in range(3)]

    assert [each.new for each in placed] == [True, False, False]
    assert await types_of(shop, order) == ["OrderPlaced"]
    with pytest.raises(Conflict):
        await shop.choreographed_orders.place(PATHS["declined"][0].order(order_id=order.order_id))


async def test_an_order_of_the_other_style_is_never_run_again_as_events(shop: Shop) -> None:
    order = PATHS["completed"][0].order()
    await shop.orders.accept(order)

    with pytest.raises(Conflict, match="was placed with the style orchestrated"):
        await shop.choreographed_orders.place(order)
    assert await types_of(shop, order) == []


async def test_a_rejected_order_leaves_no_event(shop: Shop) -> None:
    order = Scenario("unknown", lines=(("SKU-NONE", 1),)).order()

    with pytest.raises(OrderRejected):
        await shop.choreographed_orders.place(order)
    assert await types_of(shop, order) == []


async def test_an_event_that_can_not_be_decoded_is_refused(shop: Shop, subscribers: Subscribers) -> None:
    placed = await place(shop, PATHS["completed"][0].order())

    changes: list[dict[str, object]] = [{"version": 2}, {"type": "OrderEaten"}, {"payload": {}}]
    for change in changes:
        with pytest.raises(InvalidInput):
            await subscribers.handle("inventory", placed.model_copy(update=change))
    with pytest.raises(InvalidInput, match="does not subscribe"):
        await subscribers.handle("shipping", placed)


async def test_an_ended_process_takes_no_more_events(shop: Shop, subscribers: Subscribers) -> None:
    order = PATHS["completed"][0].order()
    await place(shop, order)
    events = await play_out(shop, subscribers, order.order_id)

    with pytest.raises(AlreadyUndone):
        await turn_back(shop, events[-1])
    assert await events_of(shop, order.order_id) == events


def test_the_tables_contain_every_event_and_only_the_last_ones_have_no_subscriber(shop: Shop) -> None:
    assert set(PUBLISHER) == set(SUBSCRIBER) == set(EventType)
    assert {of_type for of_type, subscriber in SUBSCRIBER.items() if subscriber is None} == LAST
    for name, participant in Choreography(NO_TEMPORAL, shop).participants.items():
        assert set(participant.reactions) == {each for each, subscriber in SUBSCRIBER.items() if subscriber == name}
