"""A discarded delivery: its order is turned back whatever could be read of it, but not after its parcel has left."""

import pytest

from choreography.assembly import redriver
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.dead_letters.redrive import Redriving
from messaging.trace.undelivered import CHANNEL
from models.dead_letters import LetterStatus
from models.errors import Conflict
from models.order import Order
from tests.choreography.conftest import Stage, dead_deliveries, order_status
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario

pytestmark = pytest.mark.server
OF_ANOTHER_VERSION = b"update %s.outbox set version = 99 where event_id = %%(id)s"
OF_AN_UNKNOWN_TYPE = b"update %s.outbox set type = 'OrderEaten' where event_id = %%(id)s"
READABLE = b"update %s.outbox set version = 1 where event_id = %%(id)s"


async def dead(stage: Stage, order: Order, of_type: str, change: bytes) -> int:
    """Make an event of an order unreadable before it is published; return the number of its dead letter."""
    event = await stage.until(order, of_type)
    await stage.db.rows(change % event.publisher.encode(), {"id": event.event_id})
    while not (letters := await dead_deliveries(stage.db, order)):
        await stage.relay.run_once()
    return letters[0].letter_id


def redriving(stage: Stage) -> Redriving:
    return Redriving(stage.db, {CHANNEL: redriver(stage.system.client, stage.system.services)})


@pytest.mark.parametrize("change", [OF_ANOTHER_VERSION, OF_AN_UNKNOWN_TYPE], ids=["version", "type"])
@pytest.mark.parametrize("of_type", ["OrderPlaced", "StockReserved", "PaymentCharged"])
async def test_the_order_is_turned_back(stage: Stage, of_type: str, change: bytes) -> None:
    order = await stage.place(Scenario("discarded").order())
    letter = await dead(stage, order, of_type, change)

    await redriving(stage).discard(letter, "ann", "a test")
    await stage.pass_time(order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "compensated"
    assert (await DeadLetters(stage.db).read(letter)).status is LetterStatus.DISCARDED
    assert await dead_deliveries(stage.db, order) == []
    await assert_conserved(stage.db, at_rest=False)


@pytest.mark.parametrize("how", ["redrive", "discard"])
async def test_a_redrive_that_was_interrupted_is_finished_by_the_next(stage: Stage, how: str) -> None:
    order = await stage.place(Scenario("interrupted").order())
    number = await dead(stage, order, "StockReserved", OF_ANOTHER_VERSION)
    reserved = (await stage.events(order))[-1]
    await stage.db.rows(READABLE % reserved.publisher.encode(), {"id": reserved.event_id})
    # It has published the event, and was killed before it closed the letter.
    letter = await DeadLetters(stage.db).take(number, "ann", "a test")
    event_id, _, subscriber = letter.message_id.partition(":")
    await stage.redrive(event_id, subscriber)
    assert await stage.to_the_end(order) == "completed"
    later = b"""
        update dead_letters.letters set changed_at = now() - interval '6 minutes', status = %(status)s
        where letter_id = %(id)s"""
    await stage.db.rows(later, {"id": number, "status": "redriving" if how == "redrive" else "open"})

    if how == "redrive":
        await redriving(stage).one(number, "ann", "again")
    else:
        await redriving(stage).discard(number, "ann", "it has been delivered")

    assert await dead_deliveries(stage.db, order) == []


async def test_an_order_that_has_shipped_can_only_be_redriven(stage: Stage) -> None:
    order = await stage.place(Scenario("shipped").order())
    letter = await dead(stage, order, "ShipmentCreated", OF_ANOTHER_VERSION)

    with pytest.raises(Conflict, match="redrive"):
        await redriving(stage).discard(letter, "ann", "a test")

    assert await order_status(stage.db, order) == "running"
    shipped = (await stage.events(order))[-1]
    await stage.db.rows(READABLE % shipped.publisher.encode(), {"id": shipped.event_id})
    (left,) = await dead_deliveries(stage.db, order)
    assert left.status is LetterStatus.OPEN
    await stage.redrive(left.message_id.partition(":")[0], left.message_id.partition(":")[2])
    assert await stage.to_the_end(order) == "completed"
