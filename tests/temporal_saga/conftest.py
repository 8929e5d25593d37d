"""The rig's servers: a time-skipping one for timers, the run's shared one for activities that hang."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from runtime.embedded.stack import Stack
from tests.servers import new_namespace
from tests.temporal_saga.rig import RigWorkflow, Scenario, World

BINARIES = Path(sys.executable).parent


class Rig:
    """A world of participants, a worker that replays on every workflow task, and the server that they use."""

    def __init__(self, env: WorkflowEnvironment) -> None:
        self.env, self.client, self.world = env, env.client, World()
        self.queue = f"rig-{uuid.uuid4().hex[:8]}"
        self._worker: Worker | None = None

    def worker(self) -> Worker:
        """Return a worker without a workflow cache, so that every workflow task is a replay."""
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[RigWorkflow],
            activities=[self.world.act],
            max_cached_workflows=0,
        )

    async def start(self, scripts: dict[str, list[str]], **plan: Any) -> WorkflowHandle[Any, Any]:
        """Start a run of the rig's saga; `scripts`: "step:direction" → behaviour of each attempt."""
        return await self.client.start_workflow(
            RigWorkflow.run, Scenario(scripts, **plan), id=f"s-{uuid.uuid4().hex[:12]}", task_queue=self.queue
        )

    async def sleep(self, seconds: float) -> None:
        """Sleep in the server's time, which a time-skipping server skips."""
        await self.env.sleep(timedelta(seconds=seconds))

    async def reached(self, process: str, step: str, direction: str = "do") -> None:
        """Wait until a step's activity has begun."""
        async with asyncio.timeout(20), self.world.called:
            await self.world.called.wait_for(lambda: step in self.world.order_of(process, direction))

    @asynccontextmanager
    async def without_worker(self) -> AsyncIterator[None]:
        """Stop the worker for the length of the block."""
        assert self._worker
        await self._worker.__aexit__(None, None, None)
        yield
        self._worker = self.worker()
        await self._worker.__aenter__()

    async def __aenter__(self) -> Self:
        self._worker = self.worker()
        await self._worker.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._worker
        await self._worker.__aexit__(None, None, None)


@pytest.fixture(scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    binary = str(BINARIES / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=binary) as env:
        yield env


@pytest.fixture(scope="session")
async def real(servers: Stack) -> WorkflowEnvironment:
    namespaced = await new_namespace(servers)
    return WorkflowEnvironment.from_client(Client(namespaced.service_client, namespace=namespaced.namespace))


@pytest.fixture
async def rig(skipping: WorkflowEnvironment) -> AsyncIterator[Rig]:
    async with Rig(skipping) as rig:
        yield rig


@pytest.fixture
async def rig_now(real: WorkflowEnvironment) -> AsyncIterator[Rig]:
    async with Rig(real) as rig:
        yield rig


@pytest.fixture
def client(real: WorkflowEnvironment) -> Client:
    return real.client
