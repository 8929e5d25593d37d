"""Recoveries with services apart: each asks the services that it needs, and waits only for those."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowUpdateStage

from client.orders import OrdersClient
from models.commands import CancelOrder
from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, workflow_id
from models.process import Status
from models.slips.slip import RoutingSlip, SlipResult
from runtime.embedded.stack import Stack
from services.orders.orders import Orders
from services.slips.slips import Slips
from tests.conservation import assert_conserved
from tests.orders.apart.running import (
    SECONDS_TO_HAPPEN,
    Handle,
    attempts,
    queues_of,
    serving,
    until_scheduled,
    without_a_worker,
    workers,
)
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import transfer_order
from tests.orders.waiting.transfers import waiting as transfer_awaited
from tests.slips.conftest import receipts
from tests.slips.conftest import result_of as slip_result_of
from tests.slips.conftest import start as start_slip
from tests.slips.conftest import waiting as slip_waits
from tests.slips.slips import slip
from tests.systems import System, open_system, result_of
from tests.upkeep.conftest import blocked, closed_as, delete, reconcile, recoveries, step_reached

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(180)]
STATUS_OF_SLIP = "select status from slips.slips where slip_id = %s"


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system
        await assert_conserved(system.db)


async def lost_slip(system: System, *stops: str) -> tuple[RoutingSlip, Handle]:
    """Return a slip whose workflow was terminated at a review, and the handle of its recovery to come."""
    lost = slip("price", *stops, "hold")
    handle = await start_slip(system, lost)
    await slip_waits(handle)
    await handle.terminate("by a test")
    return lost, system.client.get_workflow_handle(handle.id, result_type=SlipResult)


async def test_a_slip_waits_for_payments_and_the_recoveries_of_others_go_on(system: System) -> None:
    async with workers(system):
        charged, waits = await lost_slip(system, "reserve", "charge")
        wrapped, goes_on = await lost_slip(system, "reserve", "wrap")
        returned = transfer_order("returned")
        handle = await transfer_awaited(system, returned)
        await handle.terminate("by a test")
    async with workers(system, apart=("payments",)):
        found = await reconcile(system)
        assert (found.recovering, found.failed, found.dead) == (3, 0, 0)
        result = await slip_result_of(goes_on)
        assert result is not None
        assert result.undone == ("wrap", "reserve")
        await until_scheduled(waits, "find_payment_receipts")
        stuck = await without_a_worker(system, waits.id)
        assert stuck.help_command == "python worker.py --serve payments"
        assert "find_payment_receipts" in stuck.detail
        # It knows of a charge, but not whether that is in force: nothing is undone before the answer.
        assert await receipts(system, charged.slip_id) == {"reserve": "done", "charge": "done"}
        # An order's undos need no receipts: it waits for the undo itself.
        await until_scheduled(system.client.get_workflow_handle(handle.id), "refund_payment")

        async with serving(system, "payments"):
            result = await slip_result_of(waits)
            state = await system.state(waits)
            assert await closed_as(system, returned.order_id) == "compensated"

    assert result is not None
    assert result.undone == ("charge", "reserve")
    assert attempts(state.history, "payments", "probe") == 1
    assert await receipts(system, charged.slip_id) == {"reserve": "undone", "charge": "undone"}
    assert await receipts(system, wrapped.slip_id) == {"reserve": "undone", "wrap": "undone"}
    queues = await queues_of(waits)
    assert (queues["find_payment_receipts"], queues["find_stock_receipts"]) == (["payments"], ["orders"])
    assert "find_wrapping_receipts" not in queues


async def test_orders_and_slips_with_the_carrier_go_forward_when_payments_comes(system: System) -> None:
    lost, order = slip("price", "reserve", "charge", "ship"), Scenario("forward").order()
    async with workers(system, apart=("payments",)):
        # Payments leaves before the parcels are handed over, so no money is settled.
        async with blocked(system, "shipping.receipts"), serving(system, "payments"):
            handles: list[Handle] = [await start_slip(system, lost), await system.start(order)]
            for handle in handles:
                await step_reached(system, handle, "ship")
        for handle in handles:
            await until_scheduled(handle, "settle_payment")
            await handle.terminate("by a test")
        recovered = [system.client.get_workflow_handle(handle.id) for handle in handles]
        assert (await reconcile(system)).recovering == 2
        await until_scheduled(recovered[0], "find_payment_receipts")
        await until_scheduled(recovered[1], "settle_payment")
        async with serving(system, "payments"):
            assert await closed_as(system, order.order_id) == "completed"
            await recovered[0].result()

    assert await system.one(STATUS_OF_SLIP, lost.slip_id) == "completed"
    assert (await receipts(system, lost.slip_id))["charge"] == "settled"


async def test_an_order_that_never_started_waits_for_inventory_and_starts_as_new(system: System) -> None:
    order = Scenario("never").order()
    await Orders(system.db).accept(order)
    handle = system.client.get_workflow_handle(workflow_id(order.order_id))
    async with workers(system, apart=("inventory",)):
        await reconcile(system)
        await until_scheduled(handle, "find_stock_receipts")
        # Placed again meanwhile, it is followed over both runs.
        placed = await system.orders.place(order)
        followed = asyncio.create_task(placed.run.ended())
        async with serving(system, "inventory"):
            result = await followed
            state = await system.state(handle)

    assert (placed.again, result.status) == (True, Status.COMPLETED)
    assert [line.step for line in state.history][:2] == ["validate", "reserve"]
    assert attempts(state.history, "reserve") == 1
    assert await recoveries(system, order) == [RECOVERY_WORKFLOW, ORDER_WORKFLOW]
    listed = await listed_as(system.orders, order.order_id)
    assert listed == ["completed"]


async def listed_as(orders: OrdersClient, order_id: str) -> list[str]:
    """Wait until an order is listed as ended, and return the status of each of its lines in the list."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            found = [each.status for each in (await orders.list()).orders if each.order_id == order_id]
            if "completed" in found:
                return found
            await asyncio.sleep(0.2)


async def test_a_slip_that_never_started_asks_the_services_of_its_stops(system: System) -> None:
    lost = slip("price", "charge")
    await Slips(system.db).accept(lost)
    async with workers(system, apart=("payments", "inventory"), served=("payments",)):
        await reconcile(system)
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while await system.one(STATUS_OF_SLIP, lost.slip_id) != "completed":
                await asyncio.sleep(0.1)


async def test_a_cancel_of_an_order_that_waits_to_start_is_heard(system: System) -> None:
    order = Scenario("cancelled").order()
    await Orders(system.db).accept(order)
    handle = system.client.get_workflow_handle(workflow_id(order.order_id))
    async with workers(system, apart=("inventory",)):
        await reconcile(system)
        await until_scheduled(handle, "find_stock_receipts")
        command, accepted = CancelOrder(reason="a test"), WorkflowUpdateStage.ACCEPTED
        cancel = await handle.start_update("cancel_order", command, wait_for_stage=accepted)
        async with serving(system, "inventory"):
            assert await closed_as(system, order.order_id) == "cancelled"
            await cancel.result()

    assert await recoveries(system, order) == [RECOVERY_WORKFLOW]
    assert await system.one("select status from payments.receipts where key = %s", f"{order.order_id}:charge") in {
        None,
        "tombstone",
    }


@pytest.mark.parametrize("how", ["terminated", "deleted"])
async def test_an_order_that_was_started_as_new_and_lost_again_is_recovered(system: System, how: str) -> None:
    order = transfer_order(f"again-{how}")
    await Orders(system.db).accept(order)
    handle = system.client.get_workflow_handle(workflow_id(order.order_id))
    async with workers(system):
        await reconcile(system)
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while not await system.one("select 1 from payments.transfers where key = %s", f"{order.order_id}:charge"):
                await asyncio.sleep(0.05)
        await (delete(system, handle) if how == "deleted" else handle.terminate("by a test"))
        assert (await reconcile(system)).recovering == 1
        assert await closed_as(system, order.order_id) == "compensated"
        result = await result_of(system.client.get_workflow_handle(handle.id))

    why = "terminated" if how == "terminated" else "never started, or deleted"
    assert result is not None
    assert result.reason == f"workflow: Lost: its workflow was {why}"
