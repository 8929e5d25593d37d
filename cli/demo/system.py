"""The whole system in one process tree: the embedded stack, ready to use, and a worker in this process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

import orders
from client.orders import OrdersClient
from client.upkeep import prepare
from models import names
from models.errors import InvalidInput
from runtime.connection import connect, is_embedded
from runtime.embedded.stack import embedded_stack
from runtime.metrics import build_runtime
from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings


@dataclass(frozen=True)
class System:
    """What runs: Temporal with its Web UI, the services' database, a worker."""

    client: Client
    orders: OrdersClient
    ui_url: str

    def page(self, order_id: str) -> str:
        """Return the address of an order in the Web UI."""
        return f"{self.ui_url}/namespaces/{self.client.namespace}/workflows/{names.workflow_id(order_id)}"


@asynccontextmanager
async def whole_system(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[System]:
    """Start what does not run yet, and a worker; at the end the worker drains and what nobody uses stops."""
    from worker import orders_worker  # the other commands need none of the workflows and activities

    if not is_embedded(settings):
        raise InvalidInput("TEMPORAL_ADDRESS, DATABASE_URL", "name another system: unset them, or run worker.py there")
    async with embedded_stack(settings, say) as stack:
        await prepare(stack.database_url, say)
        client = await connect(settings, address=stack.temporal_address, runtime=build_runtime(settings))
        await schedule_reconciler(client, settings.reconcile_seconds)
        async with orders_worker(client, stack.database_url, settings), orders.connect(settings, client) as connected:
            yield System(client, connected, stack.ui_url)


def stop_on_signals(say: Callable[[str], None]) -> list[signal.Signals]:
    """Let the first SIGINT or SIGTERM cancel the current task and a second one end at once; return what came."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    came: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if came:
            os._exit(128 + number)
        came.append(number)
        say("stopping; once more to stop at once")
        if task:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    return came
