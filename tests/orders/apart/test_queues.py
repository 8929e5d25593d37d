"""Services apart: their activities go to the queues of their names, also when the setting changes while orders run."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from client.commands import deliver
from models.names import TASK_QUEUE
from models.participants import SERVICES
from models.process import Status
from runtime.embedded.stack import Stack
from tests.conservation import assert_conserved
from tests.orders.apart.running import (
    attempts,
    local_tries,
    queues_of,
    serving,
    until_scheduled,
    without_a_worker,
    workers,
)
from tests.orders.scenarios import EXPRESS, Scenario
from tests.orders.waiting.transfers import settled, transfer_order, waiting
from tests.slips.conftest import start as start_slip
from tests.slips.conftest import waiting as slip_waits
from tests.slips.slips import slip
from tests.systems import System, open_system, result_of
from tests.upkeep.conftest import closed_as, reconcile
from worker import configuration

pytestmark = pytest.mark.server
EXPRESS_OK = next(each for each in EXPRESS if each.name == "express-completed")
EXPRESS_BACK = next(each for each in EXPRESS if each.name == "express-carrier-refuses")


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system without workers, whose workflows run in the sandbox."""
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system
        await assert_conserved(system.db)


async def test_each_service_apart_has_its_own_queue(system: System) -> None:
    async with workers(system, apart=SERVICES, served=SERVICES):
        done, refused = [
            await system.start(Scenario(f"apart-{code}", postcode=code).order()) for code in ("1", "00000")
        ]
        results = [await result_of(handle) for handle in (done, refused)]

    assert [result.status for result in results if result] == [Status.COMPLETED, Status.COMPENSATED]
    assert await queues_of(done) == {
        "reserve_inventory": ["inventory"],
        "charge_payment": ["payments"],
        "create_shipment": ["shipping"],
        "settle_shipment": ["shipping"],
        "settle_payment": ["payments"],
        "settle_stock": ["inventory"],
    }
    ran = await queues_of(refused)
    assert (ran["release_inventory"], ran["refund_payment"]) == (["inventory"], ["payments"])


async def test_together_nothing_has_a_queue_of_its_own(system: System) -> None:
    async with workers(system):
        handle = await system.start(Scenario("together").order())
        assert await result_of(handle)

    assert {queue for queues in (await queues_of(handle)).values() for queue in queues} == {TASK_QUEUE}


async def test_express_never_tries_a_service_apart_inside_the_workflow_task(system: System) -> None:
    async with workers(system, apart=("payments",), served=("payments",)):
        done, back = [await system.start(scenario.order()) for scenario in (EXPRESS_OK, EXPRESS_BACK)]
        results = [await result_of(handle) for handle in (done, back)]
        history = (await system.state(done)).history

    assert [result.status for result in results if result] == [Status.COMPLETED, Status.COMPENSATED]
    assert await queues_of(done) == {"charge_payment": ["payments"], "settle_payment": ["payments"]}
    assert await local_tries(done) == 6  # validate, reserve, ship, the settling of parcel and stock, complete
    assert await queues_of(back) == {"charge_payment": ["payments"], "refund_payment": ["payments"]}
    assert {line.attempt for line in history} == {1}
    assert not [line for line in history if line.error]


async def test_an_order_that_began_together_continues_with_payments_apart(system: System) -> None:
    async with workers(system):
        handle = await waiting(system, transfer_order("parted"))
    async with workers(system, apart=("payments",), served=("payments",)):
        await deliver(handle, settled())
        result = await result_of(handle)

    assert result
    assert result.status is Status.COMPLETED
    queues = await queues_of(handle)
    assert (queues["charge_payment"], queues["book_transfer"]) == (["orders"], ["payments"])


async def test_an_order_that_began_apart_continues_together(system: System) -> None:
    async with workers(system, apart=("payments",), served=("payments",)):
        handle = await waiting(system, transfer_order("joined"))
    async with workers(system):
        await deliver(handle, settled())
        result = await result_of(handle)

    assert result
    assert result.status is Status.COMPLETED
    queues = await queues_of(handle)
    # The recorded setting still decides that it isn't tried inside the workflow task.
    assert (queues["charge_payment"], queues["book_transfer"]) == (["payments"], ["orders"])


async def test_an_activity_that_waits_on_the_common_queue_moves_to_its_service(system: System) -> None:
    config = configuration(system.client, system.services, system.settings)
    async with Worker(**(config | {"no_remote_activities": True})):
        handle = await system.start(Scenario("moved").order())
        await until_scheduled(handle, "reserve_inventory")
    async with workers(system, apart=("inventory",), served=("inventory",)):
        result = await result_of(handle)
        history = (await system.state(handle)).history

    assert result
    assert result.status is Status.COMPLETED
    assert (await queues_of(handle))["reserve_inventory"] == ["orders", "inventory"]
    assert attempts(history, "reserve") == 1


async def test_an_activity_that_waits_for_a_service_that_is_apart_no_more_is_named(system: System) -> None:
    async with workers(system, apart=("payments",)):
        handle = await system.start(Scenario("left").order())
        await until_scheduled(handle, "charge_payment")
    async with workers(system):
        stuck = await without_a_worker(system, handle.id)
        assert (
            "charge_payment waits, and no worker polls the task queue payments of the service payments" in stuck.detail
        )
        assert stuck.help_command == "python worker.py --serve payments"
        async with serving(system, "payments"):
            assert await result_of(handle)


async def test_a_recovery_asks_the_services_apart(system: System) -> None:
    async with workers(system, apart=("payments",), served=("payments",)):
        handle = await waiting(system, order := transfer_order("lost"))
    async with workers(system, apart=SERVICES, served=SERVICES):
        await handle.terminate("by a test")
        await reconcile(system)
        assert await closed_as(system, order.order_id) == "compensated"

    queues = await queues_of(system.client.get_workflow_handle(handle.id))
    assert queues["find_shipment"] == ["shipping"]
    assert (queues["refund_payment"], queues["release_inventory"]) == (["payments"], ["inventory"])


async def test_slips_call_the_services_apart(system: System) -> None:
    async with workers(system, apart=("payments", "inventory"), served=("payments", "inventory")):
        handle = await start_slip(system, slip("price", "reserve", "charge"))
        await handle.result()

    queues = await queues_of(handle)
    assert (queues["reserve_inventory"], queues["charge_payment"]) == (["inventory"], ["payments"])


async def test_the_recovery_of_a_slip_asks_the_services_apart(system: System) -> None:
    lost = slip("price", "reserve", "hold")
    async with workers(system):
        handle = await start_slip(system, lost)
        await slip_waits(handle)
    async with workers(system, apart=("inventory",), served=("inventory",)):
        await handle.terminate("by a test")
        await reconcile(system)
        recovery = system.client.get_workflow_handle(handle.id)
        with pytest.raises(WorkflowFailureError):
            await recovery.result()

    assert (await queues_of(recovery))["release_inventory"] == ["inventory"]
    assert await system.one("select status from slips.slips where slip_id = %s", lost.slip_id) == "compensated"
