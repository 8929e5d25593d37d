"""The background tasks of the choreography: relays, a watcher and others, in a worker's process or in their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from choreography.events import EventActivities, TraceActivities, events_queue
from messaging.outbox.feed import OutboxFeed

log = structlog.get_logger("choreography")
SECONDS_BETWEEN_CRASHES = 5.0
SECONDS_BETWEEN_CANCELS = 1.0
_ANSWERS_AT_ONCE = 20
# A relay, a watcher or another task that runs until it is cancelled.
Task = Callable[[], Awaitable[None]]


@asynccontextmanager
async def choreographing(works: Sequence[Task], answering: Sequence[Worker] = ()) -> AsyncIterator[None]:
    """Run tasks and the workers that answer for events during the block."""
    async with AsyncExitStack() as stack:
        for worker in answering:
            await stack.enter_async_context(worker)
        tasks = [asyncio.create_task(_forever(work)) for work in works]
        try:
            yield
        finally:
            await end(tasks)


def answering(
    client: Client, feed: OutboxFeed, interceptors: Sequence[Interceptor], trace: TraceActivities | None = None
) -> Worker:
    """Return a worker that answers for the events of one service, and with `trace` records those of others."""
    own = EventActivities(feed)
    activities: list[Callable[..., Any]] = [own.find_events, own.publish_again]
    if trace:
        activities += [trace.trace_events, trace.find_traced]
    return Worker(
        client,
        task_queue=events_queue(feed.service),
        activities=activities,
        interceptors=interceptors,
        max_concurrent_activities=_ANSWERS_AT_ONCE,
    )


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancel that arrives together with a database reply can be lost."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=SECONDS_BETWEEN_CANCELS)


async def _forever(work: Task) -> None:
    """Restart a task after any exception, and log it: a bug with one order must not stop the others."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a choreography task failed and restarts")
        await asyncio.sleep(SECONDS_BETWEEN_CRASHES)
