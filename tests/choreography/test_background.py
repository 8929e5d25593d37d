"""The relay and the watcher end with their worker."""

import asyncio
from contextlib import suppress

from choreography.background import end


async def ignores_the_first_cancel() -> None:
    """Swallow the first cancellation, as a database driver may while it receives an answer."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


async def test_a_lost_cancellation_is_sent_again() -> None:
    tasks = [asyncio.create_task(ignores_the_first_cancel()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await end(tasks)

    assert all(task.cancelled() for task in tasks)
