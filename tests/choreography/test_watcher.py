"""A lost delivery is detected and its order undone; past the pivot the event is delivered again."""

import pytest

from models.order import Order
from models.trace import TracedEvent
from tests.choreography.conftest import Stage, dead_deliveries, order_status
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.orders.test_scenarios import records_of

pytestmark = pytest.mark.server
UNDOING = ["OrderTimedOut", "ShipmentRecalled", "PaymentRefunded", "StockReleased", "OrderFailed"]


async def lose_row(stage: Stage, event: TracedEvent) -> None:
    """Delete an event before a relay has published it."""
    lose = b"delete from %s.outbox where event_id = %%(id)s"
    await stage.db.rows(lose % event.publisher.encode(), {"id": event.event_id})


async def pass_deadline(stage: Stage, order: Order) -> None:
    past = b"update trace.processes set deadline_at = now() where process_id = %(id)s"
    await stage.db.rows(past, {"id": order.order_id})


@pytest.mark.parametrize("dropped", ["OrderPlaced", "StockReserved", "PaymentCharged"])
async def test_a_dropped_event_is_detected_and_the_order_undone(stage: Stage, dropped: str) -> None:
    order = await stage.place(Scenario(f"drop-{dropped}").order())
    await stage.lose(await stage.until(order, dropped))
    await stage.pass_time(order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "compensated"
    types = [event.type for event in await stage.events(order)]
    assert types[types.index(dropped) + 1 :] == UNDOING
    reason = await stage.system.one("select reason from orders.orders where order_id = %s", order.order_id)
    assert reason == f"timed out: nothing followed {dropped}"
    assert (await records_of(stage.system, order))["held"] == 0
    await assert_conserved(stage.db, at_rest=False)


@pytest.mark.parametrize("dropped", ["PaymentDeclined", "StockReleased"])
async def test_an_event_dropped_during_the_undo_is_detected_too(stage: Stage, dropped: str) -> None:
    order = await stage.place(Scenario("drop-back", token="tok_declined").order())
    await stage.lose(await stage.until(order, dropped))
    await stage.pass_time(order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "compensated"
    reason = await stage.system.one("select reason from orders.orders where order_id = %s", order.order_id)
    assert reason == "charge: CardDeclined: the card was declined"


async def test_past_the_pivot_a_dropped_event_is_delivered_again(stage: Stage) -> None:
    order = await stage.place(Scenario("drop-pivot").order())
    await stage.lose(await stage.until(order, "ShipmentCreated"))
    await stage.pass_time(order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "completed"


async def test_an_order_whose_lost_event_made_its_parcel_final_goes_forward(stage: Stage) -> None:
    order = await stage.place(Scenario("drop-final").order(deadline_seconds=3600))
    await lose_row(stage, await stage.until(order, "ShipmentCreated"))
    await pass_deadline(stage, order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "completed"
    types = [event.type for event in await stage.events(order)]
    assert types[-5:] == ["OrderTimedOut", "ShipmentCreated", "PaymentSettled", "StockSettled", "OrderCompleted"]
    assert (await records_of(stage.system, order))["parcel"] == "taken"


async def test_an_order_whose_event_lost_its_row_is_undone_after_its_deadline(stage: Stage) -> None:
    """Its service has reported that the event follows, so only the deadline ends the wait for its relay."""
    order = await stage.place(Scenario("drop-row").order(deadline_seconds=3600))
    await lose_row(stage, await stage.until(order, "PaymentCharged"))
    await stage.pass_time(order)
    await stage.watcher.run_once()
    assert "OrderTimedOut" not in [event.type for event in await stage.events(order)]
    await pass_deadline(stage, order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "compensated"
    assert (await records_of(stage.system, order))["provider"] == "taken_back"


async def test_an_order_past_its_deadline_is_undone_although_its_next_event_still_waits(stage: Stage) -> None:
    order = await stage.place(Scenario("deadline").order(deadline_seconds=3600))
    await stage.until(order, "StockReserved")
    await stage.watcher.run_once()
    assert len(await stage.events(order)) == 2
    await pass_deadline(stage, order)
    await stage.watcher.run_once()
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "compensated"
    assert [event.type for event in await stage.events(order)].count("OrderTimedOut") == 1


async def test_an_order_that_is_only_slow_is_not_undone(stage: Stage) -> None:
    order = await stage.place(Scenario("slow", token="tok_flaky_2").order())
    await stage.until(order, "StockReserved")
    await stage.relay.run_once()
    await stage.pass_time(order)
    await stage.watcher.run_once()

    assert await stage.to_the_end(order) == "completed"
    assert "OrderTimedOut" not in [event.type for event in await stage.events(order)]


async def test_a_delivery_that_failed_unreported_becomes_a_dead_letter_and_the_order_waits(stage: Stage) -> None:
    order = await stage.place(Scenario("unreported", token="tok_flaky_4").order())
    reserved = await stage.until(order, "StockReserved")
    await stage.relay.run_once()
    await stage.system.client.get_activity_handle(f"{reserved.event_id}:payments").terminate()
    await stage.pass_time(order)
    await stage.watcher.run_once()
    await stage.watcher.run_once()

    (letter,) = await dead_deliveries(stage.db, order)
    assert letter.message_id == f"{reserved.event_id}:payments"
    assert await order_status(stage.db, order) == "running"
    await stage.redrive(reserved.event_id, "payments")
    assert (await stage.to_the_end(order)).final
