"""The acts on a running order: cancel, bank event, terminate, delete, reset."""

import asyncio
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle

from client.commands import deliver
from client.handles import Handle
from models.commands import CancelOrder, CommandAccepted
from models.errors import NotFound
from models.external_events import ExternalEvent
from models.names import workflow_id
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.planning.drawing import PlannedOrder
from tests.faults.chaos.planning.kinds import Act

REASON = "the customer changed their mind"


async def act(planned: PlannedOrder, client: Client, log: Log) -> None:
    """Perform the planned act on an order, `after` seconds later."""
    if planned.act is Act.NOTHING:
        return
    await asyncio.sleep(planned.after)
    order_id = planned.order.order_id
    run: Handle = client.get_workflow_handle(workflow_id(order_id))
    if planned.act in {Act.SETTLE, Act.FAIL}:
        await _deliver(planned, client, log)
    elif planned.act is Act.CANCEL:
        clicks = [log.ask("cancel", order_id, lambda: _cancel(run)) for _ in range(planned.copies)]
        await asyncio.gather(*clicks)
    elif planned.act is Act.CANCEL_NATIVELY:
        await log.ask("request_cancel", order_id, run.cancel)
    elif planned.act is Act.TERMINATE:
        await log.ask("terminate", order_id, lambda: run.terminate("by mistake"))
    elif planned.act is Act.DELETE:
        await log.ask("delete", order_id, lambda: _delete(client, order_id))
    elif planned.act is Act.RESET:
        await log.ask("reset", order_id, lambda: _reset(client, order_id))


async def _cancel(run: WorkflowHandle[Any, Any]) -> None:
    command = CancelOrder(reason=REASON, actor="customer")
    await run.execute_update("cancel_order", command, id="cancel-1", result_type=CommandAccepted)


async def _deliver(planned: PlannedOrder, client: Client, log: Log) -> None:
    """Deliver the bank's event, up to three times, possibly before the order waits for it."""
    order_id = planned.order.order_id
    settled = ExternalEvent(event_id=f"{order_id[:50]}-paid", type="payment_settled", payload={})
    failed = ExternalEvent(event_id=f"{order_id[:50]}-failed", type="payment_failed", payload={"reason": "no funds"})
    events = [settled] * planned.copies if planned.act is Act.SETTLE else [failed] * planned.copies
    run: Handle = client.get_workflow_handle(workflow_id(order_id))

    async def send(event: ExternalEvent) -> None:
        await log.ask("deliver", order_id, lambda: deliver(run, event), detail=f"{event.type} {event.event_id}")

    await asyncio.gather(*map(send, events))


async def _delete(client: Client, order_id: str) -> None:
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow_id(order_id))
        )
    )


async def _reset(client: Client, order_id: str) -> None:
    """Reset the workflow to its first workflow task: its later activities run again."""
    run: Handle = client.get_workflow_handle(workflow_id(order_id))
    history = await run.fetch_history()
    decisions = [
        event.event_id for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    if not decisions:
        raise NotFound(f"{order_id} has no completed workflow task yet")
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id(order_id)),
            reason="a chaos run",
            request_id=uuid4().hex,
            workflow_task_finish_event_id=decisions[0],
        )
    )
