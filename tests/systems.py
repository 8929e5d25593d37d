"""A whole system under test: a namespace, a database with the demo catalogue, and workers as a test wants them."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from psycopg import AsyncConnection
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError

from client.connection import Connection
from client.orders import OrdersClient
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, ProcessState
from postgres.database import Database
from runtime.embedded.stack import Stack
from runtime.settings import Settings
from services.assembly import Services
from tests.servers import new_database, new_namespace
from worker import services_on

Environment = dict[str, str]


def clean_environment(**more: str) -> Environment:
    """Return this process's environment without the settings of the project and of Temporal, and with `more`."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ORDERS_", "TEMPORAL_"))}
    kept.pop("DATABASE_URL", None)
    return {**kept, **more}


def changed(environment: Environment, changes: Mapping[str, str | None]) -> Environment:
    """Return an environment with changes, where None takes a variable away."""
    merged = {**environment, **changes}
    return {name: text for name, text in merged.items() if text is not None}


@dataclass(frozen=True)
class System:
    """Everything a test needs to place an order and to inspect what came of it.

    `stack.database_url` is the system's own database; the Temporal server is shared, the client's namespace is not.
    """

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

    def environment(self, **more: str) -> Environment:
        """Return the environment of a process that works on the system, as a command or a worker."""
        return clean_environment(
            DATABASE_URL=self.stack.database_url,
            TEMPORAL_ADDRESS=self.stack.temporal_address,
            TEMPORAL_NAMESPACE=self.client.namespace,
            TEMPORAL_CONFIG_FILE=os.devnull,
            COLUMNS="200",
            **more,
        )

    async def start(self, order: Order) -> WorkflowHandle[Any, OrderResult]:
        """Start an order, as any client of Temporal may."""
        return await self.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=TASK_QUEUE, result_type=OrderResult
        )

    async def state(self, handle: WorkflowHandle[Any, Any]) -> ProcessState:
        """Return an order's state."""
        state: ProcessState = await handle.query("state", result_type=ProcessState)
        return state

    async def one(self, query: str, *values: object) -> Any:
        """Return the first column of the first row."""
        async with await AsyncConnection.connect(self.stack.database_url) as connection:
            row = await (await connection.execute(query.encode(), values)).fetchone()
        return row[0] if row else None


@asynccontextmanager
async def open_system(stack: Stack, **changes: Any) -> AsyncIterator[System]:
    """Yield a system without workers, in a namespace and a database of its own; `changes` are settings."""
    own = replace(stack, database_url=new_database(stack.database_url))
    settings = Settings(database_url=own.database_url, log_level="error", **changes)
    async with await Database.open(own.database_url) as db:
        yield System(settings, own, await new_namespace(stack), db)


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
