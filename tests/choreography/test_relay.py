"""The relay on a real server: no event is lost and no effect repeated, wherever the relay dies."""

import asyncio
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from temporalio.client import ActivityExecutionStatus, Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from activities import deliveries
from activities.deliveries import Addressed, delivery_of, queue_of, start
from choreography import background
from choreography.assembly import Choreography
from messaging.trace.trace import Trace
from models.errors import NotBegun, Unavailable
from models.trace import TracedEvent
from tests.choreography.conftest import ALL_EVENTS, Stage, dead_deliveries, order_status, publish
from tests.orders.scenarios import Scenario
from tests.servers import free_ports

pytestmark = pytest.mark.server
DEFAULT_PRIORITY = 3
PROJECT = Path(__file__).parent.parent.parent


def addressed(event: TracedEvent) -> Addressed:
    found = delivery_of(event)
    assert found
    return found


async def assert_one_effect_each(stage: Stage, order_id: str) -> None:
    for party, step in (("card_provider", "charge"), ("carrier", "ship")):
        taken = "select count(*)::int from {}.calls where key = %s and outcome = 'taken'"
        assert await stage.system.one(taken.format(party), f"{order_id}:{step}") == 1


async def delivered_once(stage: Stage, event: TracedEvent) -> None:
    """Check that an event was delivered once; Temporal lists a delivery a moment after it has accepted it."""
    async with asyncio.timeout(20):
        while not (found := await stage.deliveries(event)) or found[0].status is ActivityExecutionStatus.RUNNING:
            await asyncio.sleep(0.05)
    assert [each.activity_id for each in found] == [addressed(event).id]


async def test_a_committed_event_is_published_when_a_relay_starts_later(stage: Stage) -> None:
    order = await stage.place(Scenario("late-relay").order())

    assert await stage.to_the_end(order) == "completed"
    await assert_one_effect_each(stage, order.order_id)


async def test_an_event_that_was_published_but_not_marked_is_delivered_once(stage: Stage) -> None:
    order = await stage.place(Scenario("unmarked").order())
    (placed,) = await stage.events(order)
    await start(stage.system.client, addressed(placed), queue_of("inventory", ()))

    assert await stage.to_the_end(order) == "completed"
    await delivered_once(stage, placed)
    await assert_one_effect_each(stage, order.order_id)


async def test_an_event_that_was_delivered_long_ago_may_be_published_again(stage: Stage) -> None:
    order = await stage.place(Scenario("again").order())
    assert await stage.to_the_end(order) == "completed"
    events = await stage.events(order)

    for event in events:
        await publish(stage.system.services, event, published=False)
    while await stage.relay.run_once():
        pass

    assert await stage.events(order) == events
    await assert_one_effect_each(stage, order.order_id)


async def test_a_delivery_may_wait_for_days_within_one_attempt(stage: Stage) -> None:
    order = await stage.place(Scenario("patient").order())
    (placed, *_) = await stage.events(order)
    await stage.relay.run_once()

    described = await stage.system.client.get_activity_handle(addressed(placed).id).describe()

    assert (described.start_to_close_timeout or timedelta()) > timedelta(days=7)


async def test_an_undo_is_delivered_before_new_work(stage: Stage) -> None:
    order = await stage.place(Scenario("urgent", token="tok_declined").order())
    declined = await stage.until(order, "PaymentDeclined")
    (placed, *_) = await stage.events(order)
    await stage.relay.run_once()

    async def priority(event: TracedEvent) -> int | None:
        handle = stage.system.client.get_activity_handle(addressed(event).id)
        return (await handle.describe()).priority.priority_key

    assert (await priority(placed) or DEFAULT_PRIORITY) > (await priority(declined) or DEFAULT_PRIORITY)


async def test_an_event_of_an_unknown_type_blocks_only_its_own_order(stage: Stage) -> None:
    sick, well = await stage.place(Scenario("sick").order()), await stage.place(Scenario("well").order())
    change = b"update orders.outbox set type = 'OrderEaten' where process_id = %(id)s"
    await stage.db.rows(change, {"id": sick.order_id})

    assert await stage.to_the_end(well) == "completed"
    assert await order_status(stage.db, sick) == "running"
    (letter,) = await dead_deliveries(stage.db, sick)
    assert "OrderEaten" in letter.cause


async def test_events_are_traced_before_they_count_as_published(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an event would have no trace after an outage of the database of the orders."""

    async def away(*_: object) -> None:
        raise NotBegun("the orders are away")

    order = await stage.place(Scenario("untraced").order())
    reserved = await stage.until(order, "StockReserved")
    with monkeypatch.context() as patch:
        patch.setattr(Trace, "record", away)
        with pytest.raises(Unavailable):
            await stage.relay.run_once()

    assert await stage.system.services.trace.event(reserved.event_id) is None
    assert (reserved.event_id, True) in await stage.db.rows(ALL_EVENTS["inventory"], {"id": order.order_id})
    assert await stage.to_the_end(order) == "completed"
    assert await stage.system.services.trace.events(order.order_id) == await stage.events(order)


async def test_events_that_can_not_be_published_now_stop_no_other_service_s(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = await stage.place(Scenario("moving").order())
    reserved = await stage.until(moving, "StockReserved")
    held = await stage.place(Scenario("held").order())
    starting = deliveries.start

    async def unless_placed(client: Client, addressed: Addressed, queue: str) -> None:
        if addressed.event_type == "OrderPlaced":
            raise RPCError("not now", RPCStatusCode.UNAVAILABLE, b"")
        await starting(client, addressed, queue)

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "start", unless_placed)
        assert await stage.relay.run_once() == {"inventory": 1}  # behind the orders
    await delivered_once(stage, reserved)
    assert [await stage.to_the_end(order) for order in (held, moving)] == ["completed"] * 2


async def test_a_notification_has_only_its_own_service_s_events_published(stage: Stage) -> None:
    order = await stage.place(Scenario("notified").order())
    (placed,) = await stage.events(order)

    assert "orders" not in await stage.relay.run_once({"inventory", "payments", "shipping"})
    assert (placed.event_id, True) in await stage.db.rows(ALL_EVENTS["orders"], {"id": order.order_id})
    assert set(await stage.relay.run_once({"orders"})) == {"orders"}
    assert (placed.event_id, False) in await stage.db.rows(ALL_EVENTS["orders"], {"id": order.order_id})
    assert await stage.to_the_end(order) == "completed"


async def test_an_event_without_notification_is_published_while_another_service_notifies_all_the_time(
    stage: Stage,
) -> None:
    order = await stage.place(Scenario("unheard").order())
    (placed,) = await stage.events(order)
    relaying = asyncio.create_task(stage.relay.run())
    try:
        async with asyncio.timeout(20):
            await delivered_once(stage, placed)
            await publish(stage.system.services, placed, published=False)
            while (placed.event_id, True) in await stage.db.rows(ALL_EVENTS["orders"], {"id": order.order_id}):
                await stage.db.rows(b"select pg_notify('outbox', 'shipping')")
    finally:
        await background.end([relaying])
    assert await stage.to_the_end(order) == "completed"


async def test_an_event_of_an_unknown_version_becomes_a_dead_letter(stage: Stage) -> None:
    order = await stage.place(Scenario("newer").order())
    await stage.db.rows(b"update orders.outbox set version = 99 where process_id = %(id)s", {"id": order.order_id})
    await stage.relay.run_once()
    async with asyncio.timeout(20):
        while not (letters := await dead_deliveries(stage.db, order)):
            await asyncio.sleep(0.05)

    assert [(letter.place, letter.attempts) for letter in letters] == [("OrderPlaced → inventory", 1)]
    await stage.db.rows(b"update orders.outbox set version = 1 where process_id = %(id)s", {"id": order.order_id})
    await stage.redrive(letters[0].message_id.partition(":")[0], "inventory")
    assert await stage.to_the_end(order) == "completed"


async def test_the_lag_is_reported_as_a_metric(stage: Stage) -> None:
    (port,) = free_ports(1)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{port}")))
    choreography = Choreography(stage.system.client, stage.system.services)
    measured = choreography.relay(stage.system.stack.database_url, meter=runtime.metric_meter)
    sick = await stage.place(Scenario("lagging").order())
    await stage.db.rows(b"update orders.outbox set type = '?' where process_id = %(id)s", {"id": sick.order_id})
    running = asyncio.create_task(measured.run())
    try:
        async with asyncio.timeout(20):
            while "outbox_unpublished" not in (metrics := await asyncio.to_thread(_metrics, port)):
                await asyncio.sleep(0.1)
    finally:
        running.cancel()
    assert "outbox_lag" in metrics


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        text: str = page.read().decode()
    return text


@contextmanager
def relay_process(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python worker.py --relay-only`, and kill it at the end of the block."""
    environ = stage.system.environment(ORDERS_LOG_LEVEL="error")
    process = subprocess.Popen([sys.executable, "worker.py", "--relay-only"], cwd=PROJECT, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def marks_blocked(stage: Stage) -> AsyncIterator[None]:
    """Block the marking of events for the length of the block; they can be claimed and published."""
    async with await AsyncConnection.connect(stage.system.stack.database_url) as connection:
        await connection.execute("lock table orders.outbox in share mode")
        yield


@pytest.mark.faults
async def test_a_relay_killed_between_publish_and_mark_loses_and_repeats_no_event(stage: Stage) -> None:
    order = await stage.place(Scenario("killed").order())
    (placed,) = await stage.events(order)
    waits = """
    select count(*)::int from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like 'update _orders_.outbox%%'
    """
    async with marks_blocked(stage):
        with relay_process(stage) as doomed:
            async with asyncio.timeout(30):
                while not await stage.system.one(waits):
                    await asyncio.sleep(0.02)
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
    unpublished = "select published_at is null from orders.outbox where event_id = %s"
    assert await stage.system.one(unpublished, placed.event_id)
    with relay_process(stage):
        async with asyncio.timeout(60):
            while not (await order_status(stage.db, order)).final:
                await asyncio.sleep(0.05)

    assert await order_status(stage.db, order) == "completed"
    await delivered_once(stage, placed)
    await assert_one_effect_each(stage, order.order_id)
