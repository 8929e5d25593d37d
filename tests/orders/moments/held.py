"""Orders that a test can stop at every payload that passes between their worker and the server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.interceptor import ActivityInterceptor
from models.names import ORDER_WORKFLOW, workflow_id
from models.order import Order
from models.process import OrderResult
from runtime.converter import DATA_CONVERTER
from tests.systems import System
from worker import _activities
from workflows.order.workflow import OrderWorkflow
from workflows.routing_slip.workflow import RoutingSlipWorkflow


@dataclass
class Hold:
    """A stop of a workflow at its n-th payload (`moment`), which sets `reached` and waits for `released`."""

    moment: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Gate:
    """A counter of each workflow's payloads, which stops the workflows that have a hold."""

    moments: Counter[str] = field(default_factory=Counter)
    holds: dict[str, Hold] = field(default_factory=dict)

    async def passing(self, process: str) -> None:
        self.moments[process] += 1
        hold = self.holds.get(process)
        if hold and hold.moment == self.moments[process]:
            hold.reached.set()
            await hold.released.wait()


@dataclass
class Turnstile(PayloadCodec, WithSerializationContext):
    """A codec that changes no payload, and passes each through the gate."""

    gate: Gate
    process: str = ""

    def with_context(self, context: SerializationContext) -> Self:
        known = isinstance(context, WorkflowSerializationContext | ActivitySerializationContext)
        return type(self)(self.gate, getattr(context, "workflow_id", None) or "" if known else "")

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        await self.gate.passing(self.process)
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        await self.gate.passing(self.process)
        return list(payloads)


@dataclass(frozen=True)
class HeldOrders:
    """A worker with a gate, on a separate task queue."""

    system: System
    gate: Gate
    queue: str

    async def start(self, order: Order, moment: int | None = None) -> WorkflowHandle[Any, OrderResult]:
        """Start an order, and stop it at a moment if one is given."""
        if moment is not None:
            self.gate.holds[workflow_id(order.order_id)] = Hold(moment)
        return await self.system.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=self.queue, result_type=OrderResult
        )

    def hold(self, order: Order) -> Hold:
        return self.gate.holds[workflow_id(order.order_id)]

    def worker(self) -> Worker:
        """Return a worker whose payloads all pass the gate."""
        turnstile = Turnstile(self.gate)
        converter = DATA_CONVERTER.__class__(
            payload_converter_class=DATA_CONVERTER.payload_converter_class, payload_codec=turnstile
        )
        client = Client(
            self.system.client.service_client, namespace=self.system.client.namespace, data_converter=converter
        )
        return Worker(
            client,
            task_queue=self.queue,
            workflows=[OrderWorkflow, RoutingSlipWorkflow],
            activities=_activities(self.system.services),
            interceptors=[ActivityInterceptor()],
            workflow_runner=UnsandboxedWorkflowRunner(),  # faster for hundreds of orders; other tests use the sandbox
        )


@asynccontextmanager
async def held_orders(system: System) -> AsyncIterator[HeldOrders]:
    """Run a worker with a gate for the length of the block."""
    held = HeldOrders(system, Gate(), f"held-{uuid4().hex[:8]}")
    async with held.worker():
        yield held
