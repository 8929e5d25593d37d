"""What is said of processes without a workflow or a worker: the truth, the money at risk, and a command that helps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from client.advice import START_A_WORKER
from client.diagnosis import stuck
from client.diagnosis.findings import Cause, StuckProcess
from client.placing import OrderRun
from client.progress import Outcome, end_of, end_within, follow
from models.commands import CancelOrder, Resolve
from models.errors import Conflict, NotFound, Unavailable
from models.names import name_of_workflow, workflow_id
from models.order import Order
from models.process import OrderResult, Status
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import settled, transfer_order
from tests.orders.waiting.transfers import waiting as transfer_awaited
from tests.slips.conftest import start as start_slip
from tests.slips.conftest import until
from tests.slips.conftest import waiting as slip_waits
from tests.slips.slips import shipped, slip
from tests.systems import System, open_system
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, step_reached
from tests.upkeep.test_advice import refund_forbidden
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]
WHY = CancelOrder(reason="a test")
RETRY = Resolve(step="charge", verb="retry", actor="ann", reason="a test")


@asynccontextmanager
async def working(system: System) -> AsyncIterator[None]:
    async with orders_worker(system.client, system.stack.database_url, system.settings):
        yield


async def accepted(system: System, order: Order) -> Order:
    await Orders(system.db).accept(order)
    return order


async def parked_order(system: System) -> Order:
    """Return an order whose refund is parked."""
    order = await refund_forbidden(system)
    handle = system.client.get_workflow_handle(workflow_id(order.order_id))
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await system.state(handle)).status is not Status.NEEDS_ATTENTION:
            await asyncio.sleep(0.1)
    return order


async def parked_slip(system: System) -> WorkflowHandle[Any, Any]:
    """Return a slip whose refund is parked."""
    handle = await start_slip(system, slip("price", "charge", "reserve", "hold"))
    await slip_waits(handle)
    key = f"{name_of_workflow(handle.id).process}:charge"
    await system.one("update payments.receipts set status = 'settled' where key = %s returning 1", key)
    await system.orders.cancel(handle.id, WHY)
    await until(handle, lambda state: state.status is Status.NEEDS_ATTENTION)
    return handle


async def retried(handle: WorkflowHandle[Any, Any]) -> bool:
    """Return whether an activity is being retried."""
    return any(each.attempt > 1 for each in (await handle.describe()).raw_description.pending_activities)


async def found(system: System, process_id: str) -> StuckProcess:
    """Wait until a process is stuck, and return why."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            for each in (await system.orders.stuck(timedelta(0))).stuck:
                if each.process_id == process_id:
                    return each
            await asyncio.sleep(0.2)


async def test_an_event_for_an_open_order_without_a_workflow_is_not_called_late(servers: Stack) -> None:
    async with open_system(servers) as system:
        never = await accepted(system, transfer_order("never-started"))
        lost = await accepted(system, transfer_order("lost"))
        await (await system.start(lost)).terminate("by a test")

        for order in (never, lost):
            with pytest.raises(Unavailable, match="send the same event again"):
                await system.orders.deliver(order.order_id, settled())


async def test_a_command_that_needs_a_workflow_says_that_an_order_is_choreographed(servers: Stack) -> None:
    async with open_system(servers) as system:
        order = Scenario("events").order()
        await system.services.choreographed_orders.place(order)
        order_id, orders = order.order_id, system.orders
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: orders.plan(order_id),
            lambda: orders.cancel(order_id, WHY),
            lambda: orders.resolve(order_id, RETRY),
            lambda: orders.deliver(order_id, settled()),
            lambda: orders.history(order_id),
        ]

        for call in calls:
            with pytest.raises((Conflict, NotFound), match="choreographed"):
                await call()


async def test_the_money_at_risk_is_shown_whatever_the_cause(servers: Stack) -> None:
    async with open_system(servers) as system:
        async with working(system):
            parked = await parked_order(system)
            slip_handle = await parked_slip(system)
            lost = await accepted(system, Scenario("lost", postcode="00009").order())
            handle = await system.start(lost)
            await step_reached(system, handle, "ship")
            await handle.terminate("by a test")
        for handle_id in (workflow_id(parked.order_id), slip_handle.id):
            await found(system, handle_id)
        report = await system.orders.stuck(timedelta(0))
        status = await system.orders.status(parked.order_id)

    by_id = {each.process_id: each for each in report.stuck}
    held, silent, gone = by_id[slip_handle.id], by_id[workflow_id(parked.order_id)], by_id[workflow_id(lost.order_id)]
    # No worker answers, or none takes the last task.
    assert {held.cause, silent.cause} <= {Cause.SILENT, Cause.NO_POLLER}
    assert (gone.cause, gone.at_risk, gone.currency) == (Cause.GONE, 4970, "EUR")
    assert (held.at_risk, held.currency, silent.at_risk, silent.currency) == (2980, "EUR", 4970, "EUR")
    sums = [money for group in report.groups for money in group.at_risk]
    assert sum(money.amount for money in sums) == 2 * 4970 + 2980
    assert status.status == "needs_attention"


async def test_an_event_that_is_not_delivered_has_the_money_at_risk(servers: Stack) -> None:
    async with open_system(servers) as system:
        order = Scenario("charging").order()
        await system.services.choreographed_orders.place(order)
        await system.one("update orders.outbox set type = 'StockReserved' returning 1")

        stuck = await found(system, workflow_id(order.order_id))

    assert (stuck.cause, stuck.at_risk, stuck.currency) == (Cause.UNDELIVERED, 4970, "EUR")


async def test_a_parked_effect_is_listed_while_its_alert_reaches_nobody(servers: Stack) -> None:
    async with open_system(servers, alert_webhook="http://127.0.0.1:1/") as system, working(system):
        order = await parked_order(system)
        handle = system.client.get_workflow_handle(workflow_id(order.order_id))
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while not await retried(handle):
                await asyncio.sleep(0.1)

        stuck = await found(system, workflow_id(order.order_id))
        parked = await system.orders.dead_letters.parked()

    assert (stuck.cause, stuck.step, stuck.direction) == (Cause.PARKED, "charge", "undo")
    assert [each.process_id for each in parked] == [workflow_id(order.order_id)]


async def test_a_lost_order_needs_a_worker_before_a_round_of_the_reconciler(servers: Stack) -> None:
    async with open_system(servers) as system:
        await schedule_reconciler(system.client, 3600)
        order = await accepted(system, Scenario("no-worker").order())

        stuck = await found(system, workflow_id(order.order_id))

    assert (stuck.cause, stuck.help_command) == (Cause.GONE, START_A_WORKER)


async def test_lost_processes_that_a_filter_hides_are_counted(servers: Stack) -> None:
    async with open_system(servers) as system:
        for _ in range(3):
            await accepted(system, Scenario("lost").order())

        young = await system.orders.stuck(timedelta(minutes=5))
        limited = await system.orders.stuck(timedelta(0), limit=1)

    assert (young.stuck, young.younger) == ([], 3)
    assert (len(limited.stuck), limited.beyond_limit) == (1, 2)


async def test_many_processes_are_examined_side_by_side(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    examined, most = 0, 0

    async def slow(*_: Any) -> None:
        nonlocal examined, most
        examined += 1
        most = max(most, examined)
        await asyncio.sleep(0.2)
        examined -= 1

    monkeypatch.setattr(stuck, "diagnose", slow)
    async with open_system(servers) as system:
        for _ in range(12):
            await system.start(Scenario("silent").order())
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while (await system.client.count_workflows()).count < 12:
                await asyncio.sleep(0.1)

        await system.orders.stuck(timedelta(0))

    assert most >= 4


async def test_a_review_that_a_stop_inserted_is_advised(servers: Stack) -> None:
    async with open_system(servers) as system, working(system):
        handle = await start_slip(system, shipped("fraud-check"))
        await slip_waits(handle)

        stuck = await found(system, handle.id)

    assert stuck.help_command is not None
    assert " fraud-review --verdict approve " in stuck.help_command
    assert not [each for each in stuck.alternatives if " event " in each]


@pytest.mark.parametrize("kind", ["waiting", "parked"])
async def test_a_terminated_process_neither_waits_nor_can_be_resolved(servers: Stack, kind: str) -> None:
    async with open_system(servers) as system, working(system):
        handle: WorkflowHandle[Any, Any]
        if kind == "waiting":
            order = await accepted(system, transfer_order("terminated"))
            handle = await transfer_awaited(system, order)
        else:
            order = await parked_order(system)
            handle = system.client.get_workflow_handle(workflow_id(order.order_id))
        await handle.terminate("by a test")

        status = await system.orders.status(order.order_id)
        outcome = await system.orders.follow(await system.orders.placed(order.order_id))

    assert outcome.result.status is Status.FAILED
    assert status.workflow == "terminated"
    assert status.help_command == "python starter.py stuck"


@dataclass(frozen=True)
class LateNews(OrderRun):
    """A run whose end is known later than its state, as when the answer to a long poll is slow."""

    async def ended(self) -> OrderResult:
        await asyncio.sleep(1)
        return await super().ended()


@pytest.mark.parametrize("wait", [follow, end_of, partial(end_within, seconds=30)])
async def test_the_end_of_a_terminated_order_is_awaited_though_its_state_waits(
    servers: Stack, wait: Callable[..., Awaitable[Any]]
) -> None:
    async with open_system(servers) as system, working(system):
        order = await parked_order(system)
        handle = system.client.get_workflow_handle(workflow_id(order.order_id))
        await handle.terminate("by a test")

        run = LateNews(order.order_id, handle, Orders(system.db))
        found = await (wait(run) if isinstance(wait, partial) else wait(run, lambda _: None, 0.1))

    result = found.result if isinstance(found, Outcome) else found
    assert result.status is Status.FAILED
