"""A system under test: a namespace and a database with the demo catalogue. The tests add workers."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from psycopg import AsyncConnection, OperationalError
from pydantic import BaseModel
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError

from client.connection import Connection
from client.installation import bind
from client.orders import OrdersClient
from client.progress import state_of
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.participants import OWNERS, Owner
from models.process import OrderResult, ProcessState
from postgres.database import Database
from runtime.databases import DatabaseUrls, databases_of
from runtime.embedded.stack import Stack
from runtime.settings import Settings
from services.assembly import Services
from services.databases import Databases
from services.installation.installation import Installation
from services.schemas import names_of
from tests.servers import new_database, new_namespace
from worker import services_on

Environment = dict[str, str]
R = TypeVar("R", bound=BaseModel)
# Connections of one process to a system's database: all systems of a run share one server.
POOL = 4


def clean_environment(**more: str) -> Environment:
    """Return this process's environment without the settings of the project and of Temporal, and with `more`."""
    ours = ("ORDERS_", "TEMPORAL_", "DATABASE_URL")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**kept, **more}


def changed(environment: Environment, changes: Mapping[str, str | None]) -> Environment:
    """Return an environment with changes, where None removes a variable."""
    merged = {**environment, **changes}
    return {name: text for name, text in merged.items() if text is not None}


class Observer:
    """One connection for the hundreds of questions that tests ask; opened again after the server was killed."""

    def __init__(self, url: str) -> None:
        self._url, self._lock = url, asyncio.Lock()
        self._connection: AsyncConnection[Any] | None = None

    async def row(self, query: bytes, values: Sequence[object]) -> Any:
        """Return the first row of a statement, or None."""
        async with self._lock:
            try:
                return await self._row(query, values)
            except OperationalError:
                if self._connection is None or not self._connection.closed:
                    raise
                return await self._row(query, values)

    async def _row(self, query: bytes, values: Sequence[object]) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = None
            self._connection = await AsyncConnection.connect(self._url, autocommit=True)
        return await (await self._connection.execute(query, values)).fetchone()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


SECONDS_TO_ANSWER = timedelta(seconds=60)


@dataclass(frozen=True)
class System:
    """Everything that a test needs to place an order and to inspect the result.

    `stack.database_url` is the system's own database; the Temporal server is shared, the client's namespace is not.
    With `databases`, each service has its own, and those are of the orders.
    """

    settings: Settings
    stack: Stack
    client: Client
    db: Database
    databases: Databases | None = None

    @property
    def urls(self) -> DatabaseUrls:
        """The addresses of the services' databases."""
        return databases_of(self.settings)

    @cached_property
    def observer(self) -> "Observer":
        """The tests' own connection, which needs none of the services' pool."""
        return Observer(self.stack.database_url)

    async def one_of(self, owner: Owner, query: str, *values: object) -> Any:
        """Return the first column of the first row in a service's database, or None without a row."""
        if self.databases is None:
            return await self.one(query, *values)
        async with await AsyncConnection.connect(self.urls.of(owner), autocommit=True) as connection:
            row = await (await connection.execute(query.encode(), values)).fetchone()
        return row[0] if row else None

    @cached_property
    def services(self) -> Services:
        """The services on the system's database."""
        return services_on(self.databases or self.db, self.settings)

    @cached_property
    def orders(self) -> OrdersClient:
        """The Python API of the system."""
        return OrdersClient(Connection.to(self.client, self.services))

    def environment(self, **more: str) -> Environment:
        """Return the environment of a process that uses the system, such as a command or a worker."""
        own = self.settings.own_databases
        return self.environment_with(({} if "orders" in own else {"": self.stack.database_url}) | own, **more)

    def environment_with(self, databases: Mapping[Any, str], **more: str) -> Environment:
        """Return the environment of a process that knows only these databases, by their services."""
        urls = {f"DATABASE_URL_{owner.upper()}".removesuffix("_"): url for owner, url in databases.items()}
        return clean_environment(
            **urls,
            TEMPORAL_ADDRESS=self.stack.temporal_address,
            TEMPORAL_NAMESPACE=self.client.namespace,
            TEMPORAL_CONFIG_FILE=os.devnull,
            ORDERS_DATABASE_POOL=str(POOL),
            COLUMNS="200",
            **more,
        )

    async def start(self, order: Order) -> WorkflowHandle[Any, OrderResult]:
        """Start the workflow of an order with Temporal's own client."""
        return await self.client.start_workflow(
            ORDER_WORKFLOW, order, id=workflow_id(order.order_id), task_queue=TASK_QUEUE, result_type=OrderResult
        )

    async def state(self, handle: WorkflowHandle[Any, Any]) -> ProcessState:
        """Return an order's state; asked again when a busy worker drops the query."""
        state = await state_of(handle, SECONDS_TO_ANSWER)
        assert state is not None, f"no worker answers for {handle.id}"
        return state

    async def one(self, query: str, *values: object) -> Any:
        """Return the first column of the first row, or None without a row."""
        row = await self.observer.row(query.encode(), values)
        return row[0] if row else None


@asynccontextmanager
async def open_system(stack: Stack, **changes: Any) -> AsyncIterator[System]:
    """Yield a system without workers, with its own namespace and database; `changes` are settings."""
    own = replace(stack, database_url=new_database(stack.database_url))
    settings = Settings(database_url=own.database_url, log_level="error", database_pool=POOL, **changes)
    async with await Database.open(own.database_url, size=POOL) as db:
        system = System(settings, own, await new_namespace(stack), db)
        await bind(system.client, system.services.installation)
        try:
            yield system
        finally:
            await system.observer.close()


@asynccontextmanager
async def open_apart(stack: Stack, servers: Mapping[Any, str] | None = None, **changes: Any) -> AsyncIterator[System]:
    """Yield a system as `open_system`, in which each service has its own database, on its own server if it has one."""
    at: dict[Owner, str] = dict.fromkeys(OWNERS, stack.database_url) | dict(servers or {})
    urls = {owner: new_database(at[owner], keep=names_of([owner])) for owner in OWNERS}
    own: dict[str, Any] = {f"database_url_{owner}": url for owner, url in urls.items()}
    settings = Settings(**own, log_level="error", database_pool=POOL, **changes)
    async with AsyncExitStack() as opened:
        found = {owner: await opened.enter_async_context(await Database.open(urls[owner], POOL)) for owner in OWNERS}
        own_stack = replace(stack, database_url=urls["orders"])
        system = System(settings, own_stack, await new_namespace(stack), found["orders"], Databases(**found))
        for owner in OWNERS:
            await bind(system.client, Installation(found[owner], owner))
        opened.push_async_callback(system.observer.close)
        yield system


async def result_of(handle: WorkflowHandle[Any, OrderResult]) -> OrderResult | None:
    """Return an order's result, also after a failure; None when the workflow was cancelled, which has no result."""
    return await ended_with(handle, OrderResult, failure="OrderCompensated")


async def ended_with(handle: WorkflowHandle[Any, R], result: type[R], *, failure: str) -> R | None:
    """Return the result of a workflow that completed, or failed with the type `failure`; None after a cancel."""
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
    if isinstance(cause, CancelledError):
        return None
    assert isinstance(cause, ApplicationError), cause
    assert cause.type == failure, cause
    return result.model_validate(cause.details[0], strict=False)
