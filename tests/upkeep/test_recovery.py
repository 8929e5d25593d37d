"""Orders whose workflow was terminated, deleted or never started are recovered to a final status, each once."""

import asyncio

import pytest

from client.commands import deliver
from models.names import RECOVERY_WORKFLOW, TASK_QUEUE, workflow_id
from models.process import Status
from models.recovery import Reconcile, RecoverOrder
from runtime.reconciling import schedule_reconciler
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import ledger, settled, transfer_order, waiting
from tests.systems import System, result_of
from tests.upkeep.conftest import (
    SECONDS_TO_HAPPEN,
    blocked,
    calls,
    closed_as,
    delete,
    discard_letters,
    lock_awaited,
    no_lock_awaited,
    reconcile,
    recovered_once,
    recoveries,
    replace_body,
    step_reached,
)

pytestmark = [pytest.mark.server, pytest.mark.faults]

# Step → the table whose lock stops an order inside the step, and the final status of an order that is lost there.
POINTS = {
    "reserve": ("inventory.receipts", "compensated"),
    "charge": ("payments.receipts", "compensated"),
    "ship": ("shipping.receipts", "completed"),  # the carrier took the parcel before its receipt was recorded
}


@pytest.mark.parametrize("point", POINTS)
async def test_an_order_terminated_inside_a_step_is_recovered(kept: System, point: str) -> None:
    table, expected = POINTS[point]
    order = Scenario(f"term-{point}").order()
    async with blocked(kept, table):
        handle = await kept.start(order)
        await step_reached(kept, handle, point)
        await lock_awaited(kept)
        await handle.terminate("by a test")

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == expected
    assert await recoveries(kept, order) == ["OrderWorkflow", "RecoverOrderWorkflow"]
    assert await calls(kept, order, "card_provider", "refund", "taken_back") <= 1


@pytest.mark.parametrize("lost", ["terminated", "deleted"])
async def test_an_order_whose_parcel_the_carrier_has_is_completed(kept: System, lost: str) -> None:
    order = Scenario(f"forward-{lost}").order()
    async with blocked(kept, "shipping.receipts"):
        handle = await kept.start(order)
        await step_reached(kept, handle, "ship")
        await lock_awaited(kept)
        await (handle.terminate("by a test") if lost == "terminated" else delete(kept, handle))

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == "completed"
    assert await calls(kept, order, "carrier", "create", "taken") == 1
    assert await calls(kept, order, "carrier", "cancel", "taken_back") == 0


async def test_a_transfer_that_a_lost_order_had_not_booked_is_returned(kept: System) -> None:
    order = transfer_order("term-book")
    handle = await waiting(kept, order)
    async with blocked(kept, "payments.receipts"):
        assert (await deliver(handle, settled(amount=None))).effect == "settles"
        await lock_awaited(kept)
        await handle.terminate("by a test")
        # Without the lock the running attempt would book the transfer; only the history may contain the event.
        await no_lock_awaited(kept)
    assert await kept.one("select 1 from payments.ledger where key = %s", f"{order.order_id}:charge") is None

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == "compensated"
    assert await ledger(kept, order) == ("charge refund", "returned")


async def test_an_order_lost_while_compensating_is_undone_once(kept: System) -> None:
    order = Scenario("term-undo", token="tok_refund_flaky_2", postcode="00000").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "charge", "undo")
    await handle.terminate("by a test")

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == "compensated"
    assert await calls(kept, order, "card_provider", "refund", "taken_back") == 1
    result = await result_of(kept.client.get_workflow_handle(workflow_id(order.order_id)))
    assert result is not None
    assert (result.status, result.undone) == (Status.COMPENSATED, ("ship", "charge", "reserve"))
    assert result.reason == "workflow: Lost: its workflow was terminated"


async def test_an_order_deleted_after_its_charge_is_refunded(kept: System) -> None:
    order = Scenario("deleted", postcode="00003").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "ship")
    await delete(kept, handle)

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == "compensated"
    assert await calls(kept, order, "card_provider", "refund", "taken_back") == 1


async def test_a_recovery_that_is_lost_is_recovered(kept: System) -> None:
    order = Scenario("twice", token="tok_refund_flaky_3", postcode="00000").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "charge", "undo")
    await handle.terminate("by a test")
    await reconcile(kept)
    recovery = kept.client.get_workflow_handle(handle.id)
    await step_reached(kept, recovery, "charge", "undo")
    await recovery.terminate("by a test")

    await reconcile(kept)

    assert await closed_as(kept, order.order_id) == "compensated"
    assert await recoveries(kept, order) == ["OrderWorkflow", "RecoverOrderWorkflow", "RecoverOrderWorkflow"]


async def test_an_accepted_order_that_was_never_started_is_started(kept: System) -> None:
    order = Scenario("never").order()
    await Orders(kept.db).accept(order)

    assert (await reconcile(kept)).recovering == 1

    assert await closed_as(kept, order.order_id) == "completed"
    # The recovery continues as the order itself.
    assert await recoveries(kept, order) == ["RecoverOrderWorkflow", "OrderWorkflow"]


async def test_an_order_that_was_not_started_for_too_long_is_closed(kept: System) -> None:
    order = Scenario("old").order()
    await Orders(kept.db).accept(order)
    await kept.one(
        "with old as (update orders.orders set created_at = now() - interval '2 hours' where order_id = %s"
        " returning 1) select * from old",
        order.order_id,
    )

    await reconcile(kept, Reconcile(grace_seconds=0, limit=1))

    assert await closed_as(kept, order.order_id) == "compensated"
    assert await calls(kept, order, "card_provider", "charge", "taken") == 0


async def test_a_young_order_is_not_started_by_the_reconciler(kept: System) -> None:
    order = Scenario("young").order()
    await Orders(kept.db).accept(order)

    assert (await reconcile(kept, Reconcile(grace_seconds=30))).recovering == 0

    await result_of(await kept.start(order))


async def test_a_running_order_is_not_recovered(kept: System) -> None:
    order = Scenario("alive", token="tok_flaky_2").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "charge")

    rounds = await asyncio.gather(*(reconcile(kept) for _ in range(3)))

    assert [each.recovering for each in rounds] == [0] * 3
    assert (await handle.result()).status == Status.COMPLETED
    assert await recoveries(kept, order) == ["OrderWorkflow"]


async def test_two_reconcilers_recover_each_of_fifty_orders_once(kept: System) -> None:
    orders = [transfer_order(f"crowd-{n}") for n in range(50)]
    handles = await asyncio.gather(*map(kept.start, orders))
    # One question for all: fifty queries at a time keep a worker from its work.
    charging = "select count(*)::int from payments.transfers where key like 'crowd-%%:charge'"
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while await kept.one(charging) < len(orders):
            await asyncio.sleep(0.05)
    await asyncio.gather(*(handle.terminate("by a test") for handle in handles))

    rounds = await asyncio.gather(*(reconcile(kept, Reconcile(grace_seconds=0, limit=7)) for _ in range(2)))

    outcomes = await asyncio.gather(*(closed_as(kept, order.order_id) for order in orders))
    assert set(outcomes) == {"compensated"}
    assert sum(each.recovering for each in rounds) >= 50
    await asyncio.gather(*(recovered_once(kept, order) for order in orders))


async def test_the_schedule_recovers_an_order_within_one_period(kept: System) -> None:
    order = Scenario("scheduled", postcode="00003").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "ship")
    await handle.terminate("by a test")
    schedule = kept.client.get_schedule_handle("reconcile-orders")
    await schedule_reconciler(kept.client, 60)
    await schedule_reconciler(kept.client, 2)

    try:
        assert (await schedule.describe()).schedule.spec.intervals[0].every.total_seconds() == 2
        assert await closed_as(kept, order.order_id) == "compensated"
    finally:
        await schedule.delete()


async def test_an_unreadable_order_does_not_block_the_recovery_of_others(kept: System) -> None:
    bad, good = Scenario("unreadable").order(), Scenario("readable").order()
    for order in (bad, good):
        await Orders(kept.db).accept(order)
    await replace_body(kept, bad, "{}")

    found = await reconcile(kept)

    assert (found.dead, found.recovering) == (1, 1)
    assert await closed_as(kept, good.order_id) == "completed"
    assert (await reconcile(kept)).dead == 0
    await replace_body(kept, bad, bad.model_dump_json())
    await kept.start(bad)
    await closed_as(kept, bad.order_id)
    await discard_letters(kept)


async def test_a_recovery_that_is_cancelled_while_it_reads_undoes_the_order(kept: System) -> None:
    handle = await waiting(kept, order := transfer_order("cancelled-reading"))
    await handle.terminate("by a test")
    async with blocked(kept, "orders.orders"):
        recovery = await kept.client.start_workflow(
            RECOVERY_WORKFLOW, RecoverOrder(process_id=order.order_id), id=handle.id, task_queue=TASK_QUEUE
        )
        await lock_awaited(kept)
        await recovery.cancel()

    assert await closed_as(kept, order.order_id) == "cancelled"
    receipt = "select status from inventory.receipts where key = %s"
    assert await kept.one(receipt, f"{order.order_id}:reserve") == "undone"
    letters = "select count(*)::int from dead_letters.letters where process_id = %s"
    assert await kept.one(letters, handle.id) == 0
