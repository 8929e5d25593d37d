"""The relay and the watcher leave when their worker does."""

import asyncio
from contextlib import suppress

from choreography.background import end


async def deaf() -> None:
    """Lose the first cancel, as a driver may that is just being answered."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


async def test_a_cancel_that_is_lost_is_said_again() -> None:
    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await end(tasks)

    assert all(task.cancelled() for task in tasks)
