"""The choreography's own processes: a relay and a watcher, beside a worker or alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from temporalio.client import Client
from temporalio.common import MetricMeter

from choreography.relay import Relay
from choreography.watcher import Watcher
from messaging.outbox.listener import OutboxListener
from services.assembly import Services

log = structlog.get_logger("choreography")
SECONDS_BETWEEN_CRASHES = 5.0
SECONDS_BETWEEN_CANCELS = 1.0


@asynccontextmanager
async def relaying(client: Client, services: Services, url: str, meter: MetricMeter) -> AsyncIterator[None]:
    """Publish the events of the services' database, which is at `url`, and watch its processes, during the block."""
    relay = Relay(client, services.outbox_feed, OutboxListener(url), meter)
    watcher = Watcher(client, services)
    tasks = [asyncio.create_task(_forever(work)) for work in (relay.run, watcher.run)]
    try:
        yield
    finally:
        await end(tasks)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancel that comes together with an answer of the database can be lost."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=SECONDS_BETWEEN_CANCELS)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """Begin again after a fault of our own, loudly: the orders of others must not stand still for it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("choreography failed, and begins again")
        await asyncio.sleep(SECONDS_BETWEEN_CRASHES)
