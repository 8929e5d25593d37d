"""The whole system: the embedded stack, prepared, and a worker in this process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from temporalio.client import Client

import orders
from client.installation import bind_database
from client.orders import OrdersClient
from client.upkeep import load_catalogue, migrate
from models import names
from models.errors import InvalidInput
from models.process import Status
from runtime.connection import connect, is_embedded
from runtime.embedded.stack import embedded_stack, running_stack
from runtime.metrics import build_runtime
from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings


@dataclass(frozen=True)
class System:
    """A running system: Temporal with its Web UI, the services' database, a worker.

    `joined` is whether the servers were running already: they go on after this process.
    """

    client: Client
    orders: OrdersClient
    ui_url: str
    joined: bool

    def list_of(self, status: Status) -> str:
        """Return the address of the list of the open processes of a status in the Web UI."""
        query = quote(f'{names.STATUS_ATTRIBUTE}="{status}" AND ExecutionStatus="Running"')
        return f"{self.ui_url}/namespaces/{self.client.namespace}/workflows?query={query}"

    def page(self, order_id: str) -> str:
        """Return the address of an order in the Web UI."""
        return f"{self.ui_url}/namespaces/{self.client.namespace}/workflows/{names.workflow_id(order_id)}"


@asynccontextmanager
async def whole_system(settings: Settings, report: Callable[[str], None]) -> AsyncIterator[System]:
    """Start the embedded stack if needed, and a worker; at the end, drain the worker and stop the unused servers."""
    from worker import orders_worker  # the import is slow, and the other commands don't need it

    if not is_embedded(settings):
        raise InvalidInput("TEMPORAL_ADDRESS, DATABASE_URL", "name another system; unset both, or run worker.py there")
    joined = running_stack(settings.data_dir) is not None
    async with embedded_stack(settings, report) as stack:
        await migrate(stack.database_url, report)
        client = await connect(settings, address=stack.temporal_address, runtime=build_runtime(settings))
        await bind_database(client, stack.database_url)
        await load_catalogue(stack.database_url, report)
        await schedule_reconciler(client, settings.reconcile_seconds)
        async with orders_worker(client, stack.database_url, settings), orders.connect(settings, client) as connected:
            yield System(client, connected, stack.ui_url, joined)


def stop_on_signals(report: Callable[[str], None]) -> list[signal.Signals]:
    """Cancel the current task on the first SIGINT or SIGTERM, exit on the second; return the received signals."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        report("stopping; press Ctrl-C again to stop at once")
        if task:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    return received
