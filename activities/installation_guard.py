"""Stops a process whose database or namespace has been moved to another installation while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.installation import InstallationRecord, check_installation
from models.errors import NotSetUp, Unavailable
from models.names import RECONCILER_SCHEDULE

log = logging.getLogger("worker")
SECONDS_BETWEEN_CHECKS = 15.0


@asynccontextmanager
async def guarded(client: Client, record: InstallationRecord) -> AsyncIterator[None]:
    """Check that both sides belong to each other, now and every SECONDS_BETWEEN_CHECKS during the block.

    Raises NotSetUp or WrongInstallation; during the block, WrongInstallation cancels the block first.
    """
    await check_installation(client, record)
    block, watch = asyncio.current_task(), asyncio.create_task(_watch(client, record))

    def stop(done: asyncio.Task[None]) -> None:
        if block and not done.cancelled():
            block.cancel()

    watch.add_done_callback(stop)
    try:
        yield
    except asyncio.CancelledError:
        if not watch.done() or watch.cancelled():
            raise
        if block:
            block.uncancel()
        await watch  # raises its error
    finally:
        watch.cancel()


@asynccontextmanager
async def guarded_all(client: Client, records: Sequence[InstallationRecord]) -> AsyncIterator[None]:
    """Guard the block as `guarded` does, with the records of several databases."""
    async with AsyncExitStack() as guards:
        for record in records:
            await guards.enter_async_context(guarded(client, record))
        yield


async def warn_without_reconciler(client: Client) -> None:
    """Log when nothing looks for lost workflows: a set-up was interrupted, or the schedule deleted or paused."""
    try:
        described = await client.get_schedule_handle(RECONCILER_SCHEDULE).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            log.warning("no reconciler is scheduled, so lost orders are not recovered: run `python starter.py setup`")
        else:  # only a warning depends on it
            log.warning("the reconciler's schedule can't be read", extra={"error": str(error)})
        return
    if described.schedule.state.paused:
        log.warning("the reconciler is paused, so lost orders are not recovered")


async def _watch(client: Client, record: InstallationRecord) -> None:
    """Check the installation until it is another one; a check without an answer is repeated later."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_CHECKS)
        try:
            await check_installation(client, record)
        except NotSetUp as error:
            log.warning("the installation is incomplete", extra={"error": str(error)})
        except (Unavailable, RPCError) as error:
            log.debug("the installation can't be checked now", extra={"error": str(error)})
