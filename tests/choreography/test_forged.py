"""Deliveries that no relay published: they have no effect, block no order, and leave one dead letter at most."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ActivityFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from choreography.assembly import redriver
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.dead_letters.redrive import Redriving
from messaging.trace.undelivered import CHANNEL
from models.choreography import PUBLISHER, REPEATED, SUBSCRIBER, DomainEvent, EventDelivery, EventType
from models.dead_letters import DeadLetter, LetterStatus
from models.names import TASK_QUEUE
from models.participants import Owner
from tests.choreography.conftest import Stage, dead_deliveries, types_of
from tests.choreography.playing import original
from tests.orders.scenarios import Scenario

pytestmark = pytest.mark.server
REACTING = [EventType.ORDER_PLACED, EventType.STOCK_RESERVED, EventType.PAYMENT_CHARGED]


async def deliver(stage: Stage, *arguments: Any) -> str:
    """Start a delivery as any program with access to the namespace can; return its result."""
    handle = await stage.system.client.start_activity(
        "handle_event",
        args=arguments,
        id=f"forged-{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        result_type=str,
        start_to_close_timeout=timedelta(seconds=20),
        retry_policy=RetryPolicy(maximum_attempts=2),
    )
    result: str = await handle.result()
    return result


async def refused(stage: Stage, *arguments: Any) -> ApplicationError:
    with pytest.raises(ActivityFailureError) as caught:
        await deliver(stage, *arguments)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.non_retryable
    return caught.value.cause


async def calls(stage: Stage) -> tuple[int, int]:
    """Return the number of calls of the card provider and of the carrier."""
    count = "select count(*)::int from {}.calls"
    return await stage.system.one(count.format("card_provider")), await stage.system.one(count.format("carrier"))


async def unknown_letters(stage: Stage) -> list[DeadLetter]:
    return [letter for letter in await DeadLetters(stage.db).open() if letter.message_id.startswith("unknown event")]


def delivery(event_id: str, publisher: Owner = "orders", subscriber: Owner = "inventory") -> EventDelivery:
    return EventDelivery(event_id=event_id, publisher=publisher, subscriber=subscriber)


def subscriber_of(of_type: EventType) -> Owner:
    subscriber = SUBSCRIBER[of_type]
    assert subscriber
    return subscriber


@pytest.mark.parametrize("of_type", REACTING)
async def test_an_event_with_all_its_data_is_refused_before_any_effect(stage: Stage, of_type: EventType) -> None:
    order, subscriber = Scenario("invented").order(), subscriber_of(of_type)
    placed = await stage.place(Scenario("real").order())
    (traced,) = await stage.events(placed)
    event = await original(stage.system.services, traced)
    payload = event.payload | {"order": order.model_dump(mode="json")}
    changes = {"event_id": uuid.uuid4().hex, "process_id": order.order_id, "type": of_type, "payload": payload}
    forged = DomainEvent.model_validate(event.model_dump() | changes)
    before = await calls(stage)

    by_content = await refused(stage, subscriber, forged)
    named = delivery(forged.event_id, PUBLISHER[of_type], subscriber)
    by_field = await refused(stage, named.model_dump() | {"event": forged.model_dump(mode="json")})
    by_name = await refused(stage, named)

    assert (by_content.type, by_field.type, by_name.type) == ("InvalidInput", "InvalidInput", "NotFound")
    assert await calls(stage) == before
    assert await types_of(stage.system.services, order) == []
    assert await stage.system.one("select count(*)::int from inventory.receipts where key ~ '^invented'") == 0


async def test_a_forged_delivery_does_not_block_an_order_to_come(stage: Stage) -> None:
    order = Scenario("to-come").order()
    placed = await stage.place(Scenario("other").order())
    (event,) = await stage.events(placed)
    forged = event.model_copy(update={"event_id": uuid.uuid4().hex, "process_id": order.order_id})
    for _ in range(5):
        await refused(stage, delivery(forged.event_id))

    await stage.place(order)

    assert await dead_deliveries(stage.db, order) == []
    assert await stage.to_the_end(order) == "completed"


async def test_any_number_of_forged_deliveries_leaves_one_letter_for_a_subscriber(stage: Stage) -> None:
    names: list[Owner] = ["inventory", "payments"]
    deliveries = [delivery(f"forged-{n}", subscriber=names[n % 2]) for n in range(24)]
    await asyncio.gather(*(refused(stage, each) for each in deliveries))

    letters = await unknown_letters(stage)

    assert {letter.place for letter in letters} >= {"an unknown event → inventory", "an unknown event → payments"}
    assert len(letters) == len({letter.place for letter in letters})
    assert {(letter.process_id, letter.blocks) for letter in letters} == {(None, False)}


@pytest.mark.parametrize("field", ["publisher", "subscriber"])
async def test_a_delivery_of_or_to_an_unknown_service_is_refused_without_a_letter(stage: Stage, field: str) -> None:
    before = await unknown_letters(stage)

    error = await refused(stage, delivery(uuid.uuid4().hex).model_dump() | {field: "nowhere"})

    assert (error.type, await unknown_letters(stage)) == ("InvalidInput", before)


async def test_the_letter_of_an_unknown_event_is_not_redriven_and_can_be_discarded(stage: Stage) -> None:
    await refused(stage, delivery("forged", subscriber="orders"))
    (letter,) = [letter for letter in await unknown_letters(stage) if letter.place.endswith("orders")]
    redriving = Redriving(stage.db, {CHANNEL: redriver(stage.system.client, stage.system.services)})

    failed = await redriving.one(letter.letter_id, "ann", "a test")
    await redriving.discard(letter.letter_id, "ann", "forged")

    assert (failed.status, "does not have this event" in failed.cause) == (LetterStatus.OPEN, True)
    assert (await DeadLetters(stage.db).read(letter.letter_id)).status is LetterStatus.DISCARDED


async def test_a_stored_event_for_another_subscriber_is_refused_and_its_order_goes_on(stage: Stage) -> None:
    order = await stage.place(Scenario("wrong-subscriber").order())
    (placed,) = await stage.events(order)
    before = await calls(stage)

    others: list[Owner] = ["payments", "shipping", "orders"]
    for subscriber in others:
        error = await refused(stage, delivery(placed.event_id, subscriber=subscriber))
        assert "does not subscribe to OrderPlaced" in error.message

    assert await calls(stage) == before
    assert await dead_deliveries(stage.db, order) == []
    assert await stage.to_the_end(order) == "completed"


async def test_an_event_is_asked_of_its_publisher_only(stage: Stage) -> None:
    order = await stage.place(Scenario("wrong-publisher").order())
    (placed,) = await stage.events(order)

    others: list[Owner] = ["inventory", "payments", "shipping"]
    for publisher in others:
        assert (await refused(stage, delivery(placed.event_id, publisher))).type == "NotFound"

    assert await dead_deliveries(stage.db, order) == []
    assert await stage.to_the_end(order) == "completed"


async def test_an_event_that_its_service_does_not_publish_is_refused_before_any_effect(stage: Stage) -> None:
    """As if the stock had stored that the order is paid: nothing is shipped."""
    order = await stage.place(Scenario("wrong-type").order())
    reserved = await stage.until(order, "StockReserved")
    change = b"update inventory.outbox set type = %(type)s where event_id = %(id)s"
    await stage.db.rows(change, {"type": "PaymentCharged", "id": reserved.event_id})
    before = await calls(stage)

    error = await refused(stage, delivery(reserved.event_id, "inventory", "shipping"))

    assert "does not subscribe to PaymentCharged" in error.message
    assert await calls(stage) == before
    assert await types_of(stage.system.services, order) == ["OrderPlaced", "PaymentCharged"]
    await stage.db.rows(change, {"type": "StockReserved", "id": reserved.event_id})
    assert await stage.to_the_end(order) == "completed"


async def test_a_delivery_that_is_repeated_by_anyone_changes_nothing(stage: Stage) -> None:
    order = await stage.place(Scenario("repeated").order())
    assert await stage.to_the_end(order) == "completed"
    events, before = await stage.events(order), await calls(stage)

    answers = [
        await deliver(stage, delivery(event.event_id, event.publisher, subscriber_of(EventType(event.type))))
        for event in events[:-1]
    ]

    assert answers == [f"{REPEATED}: {event.type}" for event in events[1:]]
    assert (await stage.events(order), await calls(stage)) == (events, before)
