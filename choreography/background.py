"""The background tasks of the choreography: a relay and a watcher, in a worker's process or in their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from temporalio.client import Client
from temporalio.common import MetricMeter

from choreography.relay import Relay
from choreography.watcher import Watcher
from messaging.outbox.listener import OutboxListener
from models.choreography import NEEDS_ONE_DATABASE
from services.assembly import Services

log = structlog.get_logger("choreography")
SECONDS_BETWEEN_CRASHES = 5.0
SECONDS_BETWEEN_CANCELS = 1.0


@asynccontextmanager
async def relaying(client: Client, services: Services, url: str, meter: MetricMeter) -> AsyncIterator[None]:
    """Run a relay and a watcher on the services' database, whose address is `url`, during the block.

    None run where a service has its own database, because one transaction can't include all services there.
    """
    if not services.databases.together:
        log.info("no relay runs", reason=NEEDS_ONE_DATABASE)
        yield
        return
    relay = Relay(client, services.outbox_feed, OutboxListener(url), meter)
    watcher = Watcher(client, services)
    tasks = [asyncio.create_task(_forever(work)) for work in (relay.run, watcher.run)]
    try:
        yield
    finally:
        await end(tasks)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancel that arrives together with a database reply can be lost."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=SECONDS_BETWEEN_CANCELS)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """Restart a task after any exception, and log it: a bug with one order must not stop the others."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a choreography task failed and restarts")
        await asyncio.sleep(SECONDS_BETWEEN_CRASHES)
