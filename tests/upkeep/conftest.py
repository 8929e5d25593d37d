"""A separate system for tests that make orders lose their workflows."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from models.names import RECONCILER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.recovery import Reconcile, Reconciled
from runtime.embedded.stack import Stack
from services.orders.orders import Orders
from tests.cli.conftest import Ran, run_starter
from tests.conservation import assert_conserved
from tests.systems import System, open_system
from worker import orders_worker
from workflows import policies

SECONDS_TO_HAPPEN = 80.0
WAITING = """
select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
"""


@pytest.fixture(scope="session")
async def workerless(servers: Stack) -> AsyncIterator[System]:
    """Yield a system without workers, for tests that start their own."""
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system


@pytest.fixture(scope="module")
async def kept(workerless: System) -> AsyncIterator[System]:
    """Yield a system with one worker, and check conservation after the module's tests."""
    async with orders_worker(workerless.client, workerless.stack.database_url, workerless.settings):
        yield workerless
        await assert_conserved(workerless.db)


async def reconcile(system: System, task: Reconcile | None = None) -> Reconciled:
    """Run one round of the reconciler."""
    found: Reconciled = await system.client.execute_workflow(
        RECONCILER_WORKFLOW,
        task or Reconcile(grace_seconds=0),
        id=f"round-{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        result_type=Reconciled,
    )
    return found


async def closed_as(system: System, order_id: str) -> str:
    """Wait until an order is closed, and return its final status."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            record = await Orders(system.db).find(order_id)
            if record and record.closed_at:
                return record.status.value
            await asyncio.sleep(0.1)


async def delete(system: System, handle: WorkflowHandle[Any, Any]) -> None:
    """Delete a workflow execution, and wait until Temporal doesn't find it."""
    await system.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=system.client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
        )
    )
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while await _is_there(handle):
            await asyncio.sleep(0.1)


async def _is_there(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


@asynccontextmanager
async def blocked(system: System, table: str) -> AsyncIterator[None]:
    """Lock a table for the length of the block, on a connection without the services' time limits."""
    async with await AsyncConnection.connect(system.stack.database_url) as connection:
        await connection.execute(f"lock table {table} in access exclusive mode".encode())
        yield


async def lock_awaited(system: System) -> None:
    """Wait until a statement waits for a lock."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await system.one(WAITING):
            await asyncio.sleep(0.01)


async def no_lock_awaited(system: System) -> None:
    """Wait until no statement waits for a lock."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while await system.one(WAITING):
            await asyncio.sleep(0.05)


async def step_reached(system: System, handle: WorkflowHandle[Any, Any], step: str, direction: str = "do") -> None:
    """Wait until an order has reached a step."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (step, direction) not in [(line.step, line.direction) for line in (await system.state(handle)).history]:
            await asyncio.sleep(0.05)


async def calls(system: System, order: Order, party: str, operation: str, outcome: str) -> int:
    """Return how often the provider or the carrier (`party`) recorded this outcome for an order."""
    step = {"card_provider": "charge", "carrier": "ship"}[party]
    found: int = await system.one(
        f"select count(*)::int from {party}.calls where key = %s and operation = %s and outcome = %s",  # noqa: S608 - not user input
        f"{order.order_id}:{step}",
        operation,
        outcome,
    )
    return found


async def recoveries(system: System, order: Order) -> list[str]:
    """Return the types of all workflow runs of an order, the oldest first."""
    found = [run async for run in system.client.list_workflows(f"WorkflowId = '{workflow_id(order.order_id)}'")]
    return [run.workflow_type for run in sorted(found, key=lambda run: run.start_time)]


async def recovered_once(system: System, order: Order) -> None:
    """Wait until Temporal's visibility lists the recovery of an order, and check that there is only one."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not (count := (await recoveries(system, order)).count("RecoverOrderWorkflow")):
            await asyncio.sleep(0.1)
    assert count == 1


async def replace_body(system: System, order: Order, body: str) -> None:
    """Replace the body of an order in the orders table."""
    await system.db.rows(
        b"update orders.orders set body = %(body)s::jsonb where order_id = %(order_id)s",
        {"body": body, "order_id": order.order_id},
    )


async def discard_letters(system: System) -> None:
    """Discard the open dead letters, so that other tests don't count them."""
    await system.db.rows(b"update dead_letters.letters set status = 'discarded' where status = 'open'")


async def starter(system: System, *arguments: str) -> Ran:
    """Run a command of the starter on a system, and return its exit code and output."""
    return await asyncio.to_thread(run_starter, system.environment() | {"COLUMNS": "300"}, *arguments)


@pytest.fixture(scope="module")
async def impatient(workerless: System) -> AsyncIterator[System]:
    """Yield a system whose worker tries an undo only twice, so that a failing undo is parked without a long wait."""
    patience = policies.UNDO.attempts
    object.__setattr__(policies.UNDO, "attempts", 2)
    # The sandbox would import the policies again, without this change.
    settings = workerless.settings.model_copy(update={"workflow_sandbox": False})
    try:
        async with orders_worker(workerless.client, workerless.stack.database_url, settings):
            yield workerless
    finally:
        object.__setattr__(policies.UNDO, "attempts", patience)
