"""One record that can't be read stops no sweep: watcher, relay, stuck, lists, rebuild and prune go on without it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from client.diagnosis.findings import StuckProcess
from models.errors import Conflict
from models.names import ORDER_WORKFLOW, workflow_id
from models.process import Status
from services.orders.orders import Orders
from services.retention import Retention
from services.slips.slips import Slips
from tests.choreography.conftest import Stage, stage
from tests.orders.scenarios import Scenario
from tests.slips.slips import slip
from tests.systems import System, result_of
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, discard_letters, reconcile

__all__ = ["stage"]

pytestmark = [pytest.mark.server, pytest.mark.faults]
FOREIGN_QUEUE = "foreign"


@workflow.defn(name=ORDER_WORKFLOW)
class Foreign:
    """A workflow of another program with the type of an order, whose state is something else."""

    @workflow.run
    async def run(self, _: str) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> Any:
        return {"status": 17}


async def stuck_now(system: System) -> dict[str, StuckProcess]:
    return {each.process_id: each for each in (await system.orders.stuck(timedelta(0))).stuck}


async def test_a_process_whose_state_can_not_be_read_is_reported_and_skipped(kept: System) -> None:
    order = Scenario("readable", token="tok_declined").order()
    await result_of(await kept.start(order))
    worker = Worker(
        kept.client, task_queue=FOREIGN_QUEUE, workflows=[Foreign], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with worker:
        handle = await kept.client.start_workflow(
            ORDER_WORKFLOW, "not an order", id=workflow_id("foreign"), task_queue=FOREIGN_QUEUE
        )
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            # Until the server lists it and its first task has ended.
            while handle.id not in (stuck := await stuck_now(kept)):
                await asyncio.sleep(0.1)
        rebuilt = await kept.orders.states.rebuild()
        found = await kept.orders.states.find_by_status(Status.RUNNING)
        shown = await kept.orders.status("orders/foreign")
        history = await kept.orders.history("orders/foreign")
        with pytest.raises(Conflict, match="no plan"):
            await kept.orders.plan("orders/foreign")
        await handle.terminate("by a test")

    assert (stuck[handle.id].cause, "can't be examined" in stuck[handle.id].detail) == ("silent", True)
    assert "foreign" in rebuilt.skipped
    assert order.order_id not in rebuilt.skipped
    assert rebuilt.from_temporal >= 1
    assert await kept.services.process_states.load(order.order_id) is not None
    assert "foreign" in [each.order_id for each in found.found]
    assert (shown.status, shown.state, history.decisions) == ("running", None, None)


async def end_of_poison(system: System, order_id: str) -> None:
    """Close an order that a test has spoilt, and discard its letters, so that other tests don't meet it."""
    await system.db.rows(
        b"update orders.orders set status = 'failed', closed_at = now(), currency = 'EUR' where order_id = %(id)s",
        {"id": order_id},
    )
    await discard_letters(system)


async def test_an_order_whose_price_can_not_be_read_stops_no_list(kept: System) -> None:
    order = Scenario("priceless").order()
    await Orders(kept.db).accept(order)
    await kept.db.rows(
        b"update orders.orders set currency = 'euro', created_at = now() - interval '2 hours' where order_id = %(id)s",
        {"id": order.order_id},
    )

    found = (await stuck_now(kept))[workflow_id(order.order_id)]
    assert found.cause == "gone"
    await reconcile(kept)
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while found.cause != "dead_letter":
            await asyncio.sleep(0.1)
            found = (await stuck_now(kept)).get(workflow_id(order.order_id), found)
    assert order.order_id in [each.order_id for each in (await kept.orders.list(Status.NEEDS_ATTENTION)).orders]
    await end_of_poison(kept, order.order_id)


async def test_the_watcher_goes_on_after_an_order_that_it_can_not_move(stage: Stage) -> None:
    bad, good = [await stage.place(Scenario(f"watched-{n}").order()) for n in range(2)]
    for order in (bad, good):
        await stage.lose(await stage.until(order, "OrderPlaced"))
    await stage.db.rows(b"update orders.outbox set version = 99 where process_id = %(id)s", {"id": bad.order_id})
    await stage.db.rows(b"update orders.orders set body = '{}' where order_id = %(id)s", {"id": bad.order_id})
    await stage.pass_time(bad)
    await stage.pass_time(good)

    await stage.watcher.run_once()

    assert "OrderTimedOut" in [event.type for event in await stage.events(good)]
    due = "select due_at > now() from trace.processes where process_id = %s"
    assert await stage.system.one(due, bad.order_id) is True
    await stage.db.rows(
        b"update orders.orders set body = %(body)s::jsonb where order_id = %(id)s",
        {"id": bad.order_id, "body": bad.model_dump_json()},
    )
    for order in (bad, good):
        await stage.pass_time(order)
        await stage.watcher.run_once()
        assert await stage.to_the_end(order) == "compensated"


async def test_the_relay_goes_on_after_an_event_that_it_can_not_read(stage: Stage) -> None:
    bad, good = [await stage.place(Scenario(f"relayed-{n}").order()) for n in range(2)]
    await stage.db.rows(b"update orders.outbox set payload = '[]' where process_id = %(id)s", {"id": bad.order_id})

    assert await stage.to_the_end(good) == "completed"

    (letter,) = await stage.system.services.dead_letters.of_process(workflow_id(bad.order_id), "deliveries")
    assert (letter.error_type, letter.place) == ("InvalidInput", "OrderPlaced → relay")
    assert (await stage.system.orders.status(bad.order_id)).status == "needs_attention"
    assert [event.type for event in (await stage.system.orders.choreographed.trace(bad.order_id)).events] == [
        "OrderPlaced"
    ]
    await stage.db.rows(
        b"update dead_letters.letters set status = 'discarded' where letter_id = %(id)s", {"id": letter.letter_id}
    )
    await stage.db.rows(
        b"with gone as (delete from trace.processes where process_id = %(id)s)"
        b" update orders.orders set status = 'failed', closed_at = now() where order_id = %(id)s",
        {"id": bad.order_id},
    )


async def test_prune_goes_on_after_a_slip_that_it_can_not_read(workerless: System) -> None:
    bad, good = slip("price"), slip("price")
    old = b"""
        update slips.slips set status = 'completed', closed_at = now() - interval '60 days',
          body = coalesce(%(body)s::jsonb, body) where slip_id = %(id)s"""
    for each, body in ((bad, '{"itinerary": 7}'), (good, None)):
        await Slips(workerless.db).accept(each)
        await workerless.db.rows(old, {"id": each.slip_id, "body": body})

    assert (await Retention(workerless.db).prune(30)).slips == 2

    assert await workerless.one("select body = '{}' from slips.slips where slip_id = %s", good.slip_id)
