"""Orders on a time-skipping server, with the real services and their real database."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.interceptor import ActivityInterceptor
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, ProcessState
from runtime.converter import DATA_CONVERTER
from runtime.search_attributes import ATTRIBUTES
from tests.systems import System
from worker import _activities
from workflows.order.workflow import OrderWorkflow

SERVER = Path(sys.executable).parent / "temporal-test-server"
Handle = WorkflowHandle[Any, OrderResult]


@dataclass(frozen=True)
class Skipping:
    """The time-skipping server, and the system whose services its orders use."""

    env: WorkflowEnvironment
    system: System

    async def start(self, order: Order) -> Handle:
        return await self.env.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=TASK_QUEUE, result_type=OrderResult
        )

    async def skip_time(self, seconds: float) -> None:
        """Skip time on the server."""
        await self.env.sleep(timedelta(seconds=seconds))

    async def until(self, handle: Handle, status: str) -> ProcessState:
        """Wait until an order has a status."""
        async with asyncio.timeout(20):
            while (state := await self.system.state(handle)).status != status:
                await asyncio.sleep(0.02)
        return state

    async def run_sql(self, query: bytes, **values: object) -> None:
        """Run a statement with `returning` that changes exactly one row."""
        assert len(await self.system.db.rows(query, values)) == 1


@asynccontextmanager
async def skipping_orders(system: System) -> AsyncIterator[Skipping]:
    """Run a time-skipping server and a worker for the length of the block."""
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(SERVER), data_converter=DATA_CONVERTER
    )
    async with env:
        wanted = AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=ATTRIBUTES)
        await env.client.operator_service.add_search_attributes(wanted)
        worker = Worker(
            env.client,
            task_queue=TASK_QUEUE,
            workflows=[OrderWorkflow],
            activities=_activities(system.services),
            interceptors=[ActivityInterceptor()],
        )
        async with worker:
            yield Skipping(env, system)


@dataclass(frozen=True)
class Retries:
    """The retry policy of an activity, and its attempts."""

    initial: int
    coefficient: float
    longest: int
    attempts_at_most: int
    attempts: int


async def retries(handle: Handle, activity: str) -> tuple[Retries, float]:
    """Return the retries of an activity's first execution, and the seconds until its last attempt, from the history."""
    scheduled: HistoryEvent | None = None
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED and not scheduled:
            found = event.activity_task_scheduled_event_attributes.activity_type.name == activity
            scheduled = event if found else None
        started = event.activity_task_started_event_attributes
        if scheduled and started.scheduled_event_id == scheduled.event_id:
            policy = scheduled.activity_task_scheduled_event_attributes.retry_policy
            waited = event.event_time.ToMilliseconds() - scheduled.event_time.ToMilliseconds()
            made = Retries(
                policy.initial_interval.seconds,
                policy.backoff_coefficient,
                policy.maximum_interval.seconds,
                policy.maximum_attempts,
                started.attempt,
            )
            return made, waited / 1000
    raise AssertionError(activity)


async def assert_retried(handle: Handle, activity: str, expected: Retries, *, seconds: float) -> None:
    """Raise AssertionError unless an activity was retried as expected, and its delays, `seconds` in sum, were kept.

    Attempts take time of their own, on a busy machine more than a second, so that there is no upper limit.
    """
    made, waited = await retries(handle, activity)
    assert made == expected
    assert waited >= seconds
