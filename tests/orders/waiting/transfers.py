"""Orders paid by bank transfer, and the events that decide them."""

import asyncio
from typing import Any

from temporalio.client import WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from models.external_events import EventAccepted, ExternalEvent
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, Status
from tests.orders.scenarios import Scenario
from tests.systems import System

TOTAL = 4970


def transfer_order(name: str, deadline: int | None = None, **scenario: Any) -> Order:
    """Return an order of 49.70 EUR, to be paid by transfer within `deadline` seconds."""
    payment = {"method": "bank_transfer", "reference": "ref_1", "deadline_seconds": deadline}
    return Scenario(name, **scenario).order(payment=payment)


def settled(event_id: str = "e-1", amount: int | None = TOTAL) -> ExternalEvent:
    payload = {} if amount is None else {"amount": amount, "currency": "EUR"}
    return ExternalEvent(event_id=event_id, type="payment_settled", payload=payload)


def failed(event_id: str = "e-2") -> ExternalEvent:
    return ExternalEvent(event_id=event_id, type="payment_failed", payload={"reason": "account closed"})


async def until(system: System, handle: WorkflowHandle[Any, Any], status: Status) -> None:
    """Wait until an order has a status."""
    async with asyncio.timeout(30):
        while (await system.state(handle)).status is not status:
            await asyncio.sleep(0.02)


async def waiting(system: System, order: Order) -> WorkflowHandle[Any, OrderResult]:
    """Start an order and wait until it waits."""
    handle = await system.start(order)
    await until(system, handle, Status.WAITING)
    return handle


async def early(system: System, order: Order, event: ExternalEvent) -> WorkflowHandle[Any, OrderResult]:
    """Start an order with an event that is there before its first step."""
    start: WithStartWorkflowOperation[Any, OrderResult] = WithStartWorkflowOperation(
        ORDER_WORKFLOW,
        order,
        id=workflow_id(order.order_id),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        result_type=OrderResult,
    )
    await system.client.execute_update_with_start_workflow(
        "deliver_event", event, start_workflow_operation=start, result_type=EventAccepted
    )
    return await start.workflow_handle()


async def ledger(system: System, order: Order) -> Any:
    """Return the kinds of the order's ledger entries, and what became of its transfer."""
    key = f"{order.order_id}:charge"
    kinds = "select coalesce(string_agg(kind, ' ' order by kind), '') from payments.ledger where key = %s"
    return await system.one(kinds, key), await system.one("select status from payments.transfers where key = %s", key)
