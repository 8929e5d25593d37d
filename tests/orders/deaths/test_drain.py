"""A worker that is asked to leave does so in time, whatever it has in hand, and its orders go on at the next one."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
)

from activities.interceptor import ActivityInterceptor
from models.commands import CancelOrder, CommandAccepted
from models.names import ORDER_WORKFLOW, workflow_id
from models.process import OrderResult
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of
from worker import _activities
from workflows.order.workflow import OrderWorkflow

DRAIN_SECONDS = 5
# An attempt of 5 s that is under way, and some for a slow machine.
SECONDS_TO_LEAVE = 20
pytestmark = [pytest.mark.server, pytest.mark.faults]


class Lost(Interceptor):
    """The first call of an activity never gets an answer."""

    def __init__(self, name: str) -> None:
        self.name, self.begun = name, asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Lost(next, self)


class _Lost(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, lost: Lost) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self.lost = lost

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        if activity.info().activity_type != self.lost.name or self.lost.begun.is_set():
            return await self.next.execute_activity(input)
        self.lost.begun.set()
        return await asyncio.get_running_loop().create_future()


def worker(system: System, queue: str, *interceptors: Interceptor) -> Worker:
    return Worker(
        system.client,
        task_queue=queue,
        workflows=[OrderWorkflow],
        activities=_activities(system.services),
        interceptors=[*interceptors, ActivityInterceptor()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=DRAIN_SECONDS),
    )


async def test_a_worker_leaves_while_an_order_can_not_tell_temporal_that_it_was_cancelled(system: System) -> None:
    queue, lost = f"drain-{uuid4().hex[:8]}", Lost("request_cancellation")
    order = Scenario("drain", token="tok_flaky_3").order()
    leaving = worker(system, queue, lost)
    serving = asyncio.create_task(leaving.run())
    handle = await system.client.start_workflow(
        ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=queue, result_type=OrderResult
    )
    # It is answered only with the end of the workflow task, in which the call that is lost is made.
    cancelling = asyncio.create_task(
        handle.execute_update("cancel_order", CancelOrder(reason="thought better of it"), result_type=CommandAccepted)
    )
    await asyncio.wait_for(lost.begun.wait(), 20)

    await asyncio.wait_for(leaving.shutdown(), SECONDS_TO_LEAVE)
    await serving

    async with worker(system, queue):
        assert await result_of(handle) is None  # cancelled
        assert (await cancelling).status in {"compensating", "cancelled"}
