"""Side by side: coroutines of one group run at the same time, and all end before the group does."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from temporalio import workflow

from temporal_saga.failures import StepFailed
from temporal_saga.stopping import leave_if_evicted


async def all_ended(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines side by side until all have ended; when one fails, the others are cancelled.

    A cancel of the caller is one of each coroutine. Raises what the first of them raised, a bug before StepFailed, and
    StepFailed before CancelledError.
    """
    tasks = [asyncio.create_task(each) for each in work]
    failed = False
    while running := [task for task in tasks if not task.done()]:
        try:
            await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            leave_if_evicted()
            _cancel(tasks)
        if not failed and any(task.done() and _error_of(task) for task in tasks):
            failed = True
            _cancel(tasks)
    errors = [error for task in tasks if (error := _error_of(task))]
    if errors:
        raise min(errors, key=_rank)


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _rank(error: BaseException) -> int:
    return 2 if isinstance(error, asyncio.CancelledError) else 1 if isinstance(error, StepFailed) else 0
