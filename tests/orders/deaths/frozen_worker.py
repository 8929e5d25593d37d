"""A worker process that freezes itself (SIGSTOP) at one activity's first call: before its effect, or after it.

python -m tests.orders.deaths.frozen_worker DATABASE_URL TEMPORAL_ADDRESS ACTIVITY before|after [workflows too]
It says "frozen" when it is about to, and how that call ended once somebody has thawed it.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor, Worker

from activities.interceptor import ActivityInterceptor
from models.names import TASK_QUEUE
from postgres.database import Database
from runtime.connection import connect
from runtime.settings import Settings
from worker import _activities, services_on
from workflows.order.workflow import OrderWorkflow


class Freeze(Interceptor):
    def __init__(self, name: str, where: str) -> None:
        self.name, self.where, self.done = name, where, False

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Freeze(next, self)


class _Freeze(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, freeze: Freeze) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self.freeze = freeze

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        freeze = self.freeze
        if freeze.done or activity.info().activity_type != freeze.name:
            return await self.next.execute_activity(input)
        freeze.done = True
        if freeze.where == "before":
            _stop_here()
        # A thawed attempt was given up long ago, and is cancelled as soon as its worker hears of it: shielded, as a
        # call that had already left for the provider, and its end told whoever still waits for it.
        call = asyncio.ensure_future(self.next.execute_activity(input))
        call.add_done_callback(self._tell)
        return await asyncio.shield(call)

    def _tell(self, call: asyncio.Future[Any]) -> None:
        error = call.exception()
        if error is not None:
            _say(getattr(error, "type", None) or type(error).__name__)
            return
        if self.freeze.where == "after":
            _stop_here()
        _say("answered")


def _stop_here() -> None:
    _say("frozen")
    os.kill(os.getpid(), signal.SIGSTOP)


def _say(word: str) -> None:
    sys.stdout.write(f"frozen worker: {word}\n")  # the SDK's own warnings go there too
    sys.stdout.flush()


async def main(database_url: str, address: str, name: str, where: str, workflows: str = "") -> None:
    client = await connect(Settings(), address=address)
    async with await Database.open(database_url) as database:
        worker = Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[OrderWorkflow] if workflows else [],
            activities=_activities(services_on(database, Settings())),
            interceptors=[Freeze(name, where), ActivityInterceptor()],
            max_concurrent_activities=1
            if not workflows
            else 10,  # frozen, it must not hold a poll that somebody else's task would answer
        )
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
