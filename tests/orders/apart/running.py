"""Workers for services apart, and where the activities of an order ran."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from client.diagnosis.findings import StuckProcess
from models.names import key
from models.participants import SERVICES, Service
from runtime.settings import Settings
from serving.participants import participants_worker
from tests.systems import System
from worker import orders_worker

SECONDS_TO_HAPPEN = 80.0
Handle = WorkflowHandle[Any, Any]


def with_apart(system: System, *apart: Service) -> Settings:
    """Return the system's settings with these services apart."""
    return system.settings.model_copy(update={"apart": apart})


def serving(system: System, *served: Service) -> AbstractAsyncContextManager[object]:
    """Run a worker of each of these services."""
    return participants_worker(system.client, system.urls, system.settings, served=served)


@asynccontextmanager
async def workers(
    system: System, *, apart: tuple[Service, ...] = (), served: tuple[Service, ...] = ()
) -> AsyncIterator[None]:
    """Run a worker of the orders, with `apart` as its setting, and a worker of each of the services in `served`."""
    settings = with_apart(system, *apart)
    async with (
        orders_worker(system.client, system.urls, settings),
        serving(system, *served),
    ):
        yield


async def queues_of(handle: Handle) -> dict[str, list[str]]:
    """Return the task queue of each time that an activity was scheduled, by the activity's type."""
    found: dict[str, list[str]] = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            found.setdefault(scheduled.activity_type.name, []).append(scheduled.task_queue.name)
    return found


async def until_scheduled(handle: Handle, activity: str) -> None:
    """Wait until an activity was scheduled, whether or not a worker took it."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while activity not in await queues_of(handle):
            await asyncio.sleep(0.05)


async def local_tries(handle: Handle) -> int:
    """Return how many local activities the history has."""
    marker = EventType.EVENT_TYPE_MARKER_RECORDED
    return len([event async for event in handle.fetch_history_events() if event.event_type == marker])


async def without_a_worker(system: System, process_id: str) -> StuckProcess:
    """Wait until `stuck` finds that a process waits for a worker."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            for each in (await system.orders.stuck(timedelta(0))).stuck:
                if (each.process_id, each.cause) == (process_id, "no_poller"):
                    return each
            await asyncio.sleep(0.2)


def attempts(history: Any, step: str, direction: str = "do") -> int:
    """Return the number of attempts of a step in a process state's history."""
    (line,) = [line for line in history if (line.step, line.direction) == (step, direction)]
    return int(line.attempt)


async def receipts(system: System, order_id: str) -> dict[str, str | None]:
    """Return the status of each service's receipt of an order."""
    steps = {"inventory": "reserve", "payments": "charge", "shipping": "ship"}
    found: dict[str, str | None] = {}
    for service in SERVICES:
        query = f"select status from {service}.receipts where key = %s"  # noqa: S608
        found[service] = await system.one_of(service, query, key(order_id, steps[service]))
    return found
