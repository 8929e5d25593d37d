"""Clients and operators that bring a real system to an order of every kind; each request is recorded."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from temporalio.client import WorkflowHandle

from activities.lost_processes import Recovery
from activities.process_types import process_types
from models.commands import CancelOrder, CommandAccepted, Resolve
from models.names import SLIP_WORKFLOW, TASK_QUEUE, ProcessKind, ProcessName, slip_workflow_id
from models.order import Order
from models.slips.slip import RoutingSlip
from runtime.embedded.stack import Stack
from tests.faults.evidence.evidence import Asked, Evidence, Snapshot
from tests.faults.evidence.gathering import gather
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system, result_of
from worker import orders_worker

SECONDS_TO_HAPPEN = 60
# The carrier answers after some seconds; the charge is taken meanwhile.
HELD = Scenario("held", postcode="00009")


async def until(look: Callable[[], Awaitable[Any]]) -> None:
    """Call `look` until it returns a true value."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await look():
            await asyncio.sleep(0.05)


DONE, REFUSED = Scenario("done"), Scenario("refused", postcode="00000")
DECLINED = Scenario("declined", token="tok_declined")
NO_STOCK = Scenario("no-stock", lines=(("SKU-1", 1), ("SKU-RARE", 2)))


@pytest_asyncio.fixture(scope="module")
async def clients(servers: Stack) -> "AsyncIterator[Clients]":
    """The clients of a separate system, without the orders of other tests."""
    async with (
        open_system(servers) as system,
        orders_worker(system.client, system.stack.database_url, system.settings),
    ):
        yield Clients(system)


@dataclass
class Clients:
    """The clients of a system; `asked` records each request and its answer."""

    system: System
    asked: list[Asked] = field(default_factory=list)

    async def evidence_of(self, order: Order, snapshots: Sequence[Snapshot] = ()) -> Evidence:
        """Return the evidence of one order alone."""
        asked = [asked for asked in self.asked if asked.order_id == order.order_id]
        system, only = self.system, [order.order_id]
        return await gather(system.db, system.client, asked=asked, snapshots=snapshots, only=only)

    def note(self, op: str, order_id: str, detail: str = "") -> None:
        self.asked.append(Asked(time.time(), op, order_id, "ok", detail))

    async def start(self, order: Order) -> WorkflowHandle[Any, Any]:
        handle = await self.system.start(order)
        self.note("place", order.order_id, order.body_hash())
        return handle

    async def to_the_end(self, scenario: Scenario) -> Order:
        order = scenario.order()
        await result_of(await self.start(order))
        return order

    async def choreographed(self, scenario: Scenario) -> Order:
        order = scenario.order()
        await self.system.services.choreographed_orders.place(order)
        self.note("place", order.order_id, order.body_hash())
        last = "select ended_at from trace.processes where process_id = %s"
        published = "select bool_and(published_at is not null) from orders.outbox where process_id = %s"
        await until(lambda: self.system.one(last, order.order_id))
        await until(lambda: self.system.one(published, order.order_id))
        return order

    async def slip(self, slip: RoutingSlip) -> None:
        named = slip_workflow_id(slip.slip_id)
        handle = await self.system.client.start_workflow(SLIP_WORKFLOW, slip, id=named, task_queue=TASK_QUEUE)
        self.note("place", f"slip.{slip.slip_id}", slip.body_hash())
        await asyncio.gather(handle.result(), return_exceptions=True)

    async def held(self, scenario: Scenario = HELD) -> tuple[Order, WorkflowHandle[Any, Any]]:
        """Return an order whose charge is taken and whose parcel is not created yet."""
        order = scenario.order()
        handle = await self.start(order)
        await until(lambda: self.system.one("select 1 from carrier.calls where key = %s", f"{order.order_id}:ship"))
        return order, handle

    async def cancel(self, order: Order, handle: WorkflowHandle[Any, Any]) -> None:
        command = CancelOrder(reason="changed my mind", actor="c-7")
        await handle.execute_update("cancel_order", command, result_type=CommandAccepted)
        self.note("cancel", order.order_id)

    async def parked(self) -> tuple[Order, WorkflowHandle[Any, Any]]:
        """Return an order with a parked refund: the charge looks settled for a moment, so its refund is refused."""
        order, handle = await self.held()
        receipt = "update payments.receipts set status = %s where key = %s returning key"
        await self.system.one(receipt, "settled", f"{order.order_id}:charge")
        await self.cancel(order, handle)

        async def waits() -> bool:
            sent = await self.system.one("select logged_only from operators.alerts where order_id = %s", order.order_id)
            return bool(sent) and (await self.system.state(handle)).status == "needs_attention"

        await until(waits)
        released = "select status = 'undone' from inventory.receipts where key = %s"
        await until(lambda: self.system.one(released, f"{order.order_id}:reserve"))
        await self.system.one(receipt, "done", f"{order.order_id}:charge")
        return order, handle

    async def resolved(self) -> None:
        order, handle = await self.parked()
        command = Resolve(step="charge", verb="retry", actor="ann", reason="it was not settled after all")
        await handle.execute_update("resolve", command, result_type=CommandAccepted)
        self.note("resolve", order.order_id, "charge retry")
        await result_of(handle)

    async def cancelled(self) -> None:
        order, handle = await self.held()
        await self.cancel(order, handle)
        await result_of(handle)

    async def lost(self) -> None:
        """Terminate the workflow of an order, and recover the order."""
        order, handle = await self.held()
        self.note("terminate", order.order_id)
        await handle.terminate()
        system = self.system
        recovery = Recovery(system.client, process_types(system.services))
        assert await recovery.recover(ProcessName(ProcessKind.ORDER, order.order_id)) == "recovering"
        await result_of(system.client.get_workflow_handle(handle.id))
