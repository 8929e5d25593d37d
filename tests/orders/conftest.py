"""A whole system of its own for a session: the embedded stack, the demo catalogue, and a worker in this process."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError

from client.connection import Connection
from client.orders import OrdersClient
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, ProcessState
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded.stack import Stack, embedded_stack
from runtime.settings import Settings
from services import demo_articles, schemas
from services.assembly import Services
from tests.conservation import assert_conserved
from worker import orders_worker, services_on


@dataclass(frozen=True)
class System:
    """Everything a test needs to place an order and to look at what came of it."""

    settings: Settings
    stack: Stack
    client: Client
    db: Database

    @cached_property
    def services(self) -> Services:
        """The services on the system's database."""
        return services_on(self.db, self.settings)

    @cached_property
    def orders(self) -> OrdersClient:
        """The Python API on the system."""
        return OrdersClient(Connection.to(self.client, self.services))

    async def start(self, order: Order) -> WorkflowHandle[Any, OrderResult]:
        """Start an order, as any client of Temporal may."""
        return await self.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=TASK_QUEUE, result_type=OrderResult
        )

    async def state(self, handle: WorkflowHandle[Any, Any]) -> ProcessState:
        """Return where an order is."""
        state: ProcessState = await handle.query("state", result_type=ProcessState)
        return state

    async def one(self, query: str, *values: object) -> Any:
        """Return the first column of the first row."""
        async with await AsyncConnection.connect(self.stack.database_url) as connection:
            row = await (await connection.execute(query.encode(), values)).fetchone()
        return row[0] if row else None


async def result_of(handle: WorkflowHandle[Any, OrderResult]) -> OrderResult | None:
    """Return an order's result, however it ended; None when it was cancelled, which carries none."""
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
    if isinstance(cause, CancelledError):
        return None
    assert isinstance(cause, ApplicationError), cause
    assert cause.type == "OrderCompensated", cause
    return OrderResult.model_validate(cause.details[0], strict=False)


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    with own_stack(workflow_sandbox=True) as settings:
        yield settings


async def open_system(settings: Settings) -> AsyncIterator[System]:
    """Yield a system without workers."""
    async with embedded_stack(settings) as stack:
        await asyncio.to_thread(schemas.migrate, stack.database_url)
        async with await Database.open(stack.database_url) as db:
            await demo_articles.load(db)
            yield System(settings, stack, await connect(settings, address=stack.temporal_address), db)


@pytest.fixture(scope="session")
async def system(settings: Settings) -> AsyncIterator[System]:
    async for system in open_system(settings):
        async with orders_worker(system.client, system.stack.database_url, settings):
            yield system


@pytest.fixture
async def conserved(system: System) -> AsyncIterator[None]:
    """After the test, nothing was created and nothing was lost; other orders may still be on their way."""
    yield
    await assert_conserved(system.db, at_rest=False)


@contextmanager
def own_stack(**changes: Any) -> Iterator[Settings]:
    """Yield settings of a stack of its own.

    Not below pytest's own folder: another run of pytest on this machine shuts it to PostgreSQL's user.
    """
    temporal, ui = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="system-") as folder:
        yield Settings(data_dir=Path(folder) / "data", temporal_port=temporal, ui_port=ui, log_level="error", **changes)


@pytest.fixture(scope="session")
async def lonely() -> AsyncIterator[System]:
    """A system whose workers are processes that the tests start, freeze and kill."""
    with own_stack() as settings:
        async for system in open_system(settings):
            yield system
            async with await Database.open(system.stack.database_url) as db:  # its connections survived no kill
                await assert_conserved(db)
