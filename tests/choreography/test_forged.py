"""Deliveries that no relay published: they have no effect, block no order, and leave one dead letter at most."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ActivityFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from choreography.reactions import REPEATED
from choreography.redrive import DeliveryRedriver
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.dead_letters.redrive import Redriving
from messaging.outbox.feed import CHANNEL
from models.choreography import DomainEvent, EventDelivery
from models.dead_letters import DeadLetter, LetterStatus
from models.names import TASK_QUEUE
from tests.choreography.conftest import Stage, dead_deliveries, types_of
from tests.orders.scenarios import Scenario

pytestmark = pytest.mark.server
REACTING = [("inventory", "OrderPlaced"), ("payments", "StockReserved"), ("shipping", "PaymentCharged")]


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


@pytest.mark.parametrize(("subscriber", "of_type"), REACTING)
async def test_an_event_with_all_its_data_is_refused_before_any_effect(
    stage: Stage, subscriber: str, of_type: str
) -> None:
    order = Scenario("invented").order()
    placed = await stage.place(Scenario("real").order())
    (event,) = await stage.events(placed)
    payload = event.payload | {"order": order.model_dump(mode="json")}
    changes = {"event_id": uuid.uuid4().hex, "process_id": order.order_id, "type": of_type, "payload": payload}
    forged = DomainEvent.model_validate(event.model_dump() | changes)
    before = await calls(stage)

    by_content = await refused(stage, subscriber, forged)
    named = {"event_id": forged.event_id, "subscriber": subscriber}
    by_field = await refused(stage, named | {"event": forged.model_dump(mode="json")})
    by_name = await refused(stage, EventDelivery(event_id=forged.event_id, subscriber=subscriber))

    assert (by_content.type, by_field.type, by_name.type) == ("InvalidInput", "InvalidInput", "NotFound")
    assert await calls(stage) == before
    assert await types_of(stage.db, order) == []
    assert await stage.system.one("select count(*)::int from inventory.receipts where key ~ '^invented'") == 0


async def test_a_forged_delivery_does_not_block_an_order_to_come(stage: Stage) -> None:
    order = Scenario("to-come").order()
    placed = await stage.place(Scenario("other").order())
    (event,) = await stage.events(placed)
    forged = event.model_copy(update={"event_id": uuid.uuid4().hex, "process_id": order.order_id})
    for _ in range(5):
        await refused(stage, EventDelivery(event_id=forged.event_id, subscriber="inventory"))

    await stage.place(order)

    assert await dead_deliveries(stage.db, order) == []
    assert await stage.to_the_end(order) == "completed"


async def test_any_number_of_forged_deliveries_leaves_one_letter_for_a_subscriber(stage: Stage) -> None:
    names = ["inventory", "payments", "nowhere", "elsewhere"]
    deliveries = [EventDelivery(event_id=f"forged-{n}", subscriber=names[n % 4]) for n in range(24)]
    await asyncio.gather(*(refused(stage, delivery) for delivery in deliveries))

    letters = await unknown_letters(stage)

    assert {letter.place for letter in letters} >= {
        "an unknown event → inventory",
        "an unknown event → payments",
        "an unknown event → unknown",
    }
    assert len(letters) == len({letter.place for letter in letters})
    assert {(letter.process_id, letter.blocks) for letter in letters} == {(None, False)}


async def test_the_letter_of_an_unknown_event_is_not_redriven_and_can_be_discarded(stage: Stage) -> None:
    await refused(stage, EventDelivery(event_id="forged", subscriber="orders"))
    (letter,) = [letter for letter in await unknown_letters(stage) if letter.place.endswith("orders")]
    redriving = Redriving(stage.db, {CHANNEL: DeliveryRedriver(stage.system.services)})

    failed = await redriving.one(letter.letter_id, "ann", "a test")
    await redriving.discard(letter.letter_id, "ann", "forged")

    assert (failed.status, "does not have this event" in failed.cause) == (LetterStatus.OPEN, True)
    assert (await DeadLetters(stage.db).read(letter.letter_id)).status is LetterStatus.DISCARDED


async def test_a_stored_event_for_another_subscriber_is_refused_and_its_order_goes_on(stage: Stage) -> None:
    order = await stage.place(Scenario("wrong-subscriber").order())
    (placed,) = await stage.events(order)
    before = await calls(stage)

    for subscriber in ("payments", "shipping", "orders", "nowhere"):
        error = await refused(stage, EventDelivery(event_id=placed.event_id, subscriber=subscriber))
        assert "does not subscribe to OrderPlaced" in error.message

    assert await calls(stage) == before
    assert await dead_deliveries(stage.db, order) == []
    assert await stage.to_the_end(order) == "completed"


async def test_a_delivery_that_is_repeated_by_anyone_changes_nothing(stage: Stage) -> None:
    order = await stage.place(Scenario("repeated").order())
    assert await stage.to_the_end(order) == "completed"
    events, before = await stage.events(order), await calls(stage)

    answers = [
        await deliver(stage, EventDelivery(event_id=event.event_id, subscriber=subscriber))
        for event, subscriber in zip(events, ("inventory", "payments", "shipping", "payments"), strict=False)
    ]

    assert answers == [REPEATED] * 4
    assert (await stage.events(order), await calls(stage)) == (events, before)
