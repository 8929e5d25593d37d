"""Plays one case: places its order, has its fault strike, and does what a client, an operator and a bank would do."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from multiprocessing.context import ForkServerProcess
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from messaging.outbox.outbox import Outbox
from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult
from services.orders.placing import ChoreographedOrders
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import LATE
from tests.faults.explorer.play import asking, moments, others, striking
from tests.faults.explorer.scene import ExplorerScene, order_of
from tests.faults.injection.injecting import in_line

SECONDS_TO_END = 600
SECONDS_ON_THE_WAY = 10
SECONDS_TO_BE_NOTED = 2
SECONDS_BETWEEN_LOOKS = 0.1


class Play:
    """One case on the scene."""

    def __init__(self, scene: ExplorerScene, case: Case, order: Order) -> None:
        self.scene, self.case, self.order = scene, case, order
        self.handle: WorkflowHandle[Any, OrderResult] = scene.system.client.get_workflow_handle(
            workflow_id(order.order_id), result_type=OrderResult
        )
        self.queue = scene.queues.get(order.order_id, TASK_QUEUE)
        # Set once the fault has struck: from then on it mostly waits.
        self.under_way = asyncio.Event()
        self.struck = asyncio.Event()
        self.rivals: list[str] = []
        self._held = AsyncExitStack()
        self.doomed: ForkServerProcess | None = None

    async def run(self) -> None:
        """Play it to the end: the order closed, its workflow ended, its late attempt come and gone."""
        async with self._held:
            if self.case.own_worker:
                self.doomed = await self.worker(alone=self.case.fault == "stop")
            await self.scene.fleet.serving(self.scene.system.client, self.queue)
            await self._place()
            parts = (striking.strike(self), striking.drive(self), asking.operate(self), asking.pay(self))
            helping = [asyncio.create_task(part) for part in parts]
            try:
                await self._first_error(helping, self._end())
            finally:
                for task in helping:
                    task.cancel()
                await asyncio.gather(*helping, return_exceptions=True)

    async def _first_error(self, helping: "list[asyncio.Task[None]]", end: Any) -> None:
        """Wait for the end, but not for one that can't come because a part of the play has failed."""
        ending = asyncio.ensure_future(end)
        waiting = {*helping, ending}
        while not ending.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(task.exception() for task in done):
                ending.cancel()
            for task in done:
                task.result()
        await ending

    async def worker(self, *, alone: bool) -> ForkServerProcess:
        """Run one more worker for this order alone, until its end."""
        return await self._held.enter_async_context(self.scene.fleet.lonely(self.queue, alone=alone))

    async def _place(self) -> None:
        async with self.scene.asking("place", self.order.order_id, self.order.body_hash()):
            if self.case.step.style == "choreographed":
                await ChoreographedOrders(self.scene.db, Outbox()).place(self.order)
                return
            await self.scene.system.client.start_workflow(
                ORDER_WORKFLOW,
                self.order,
                id=self.handle.id,
                task_queue=self.queue,
            )

    def let_go(self) -> None:
        """Let the order go on, and what is held, unless that has to come late: then it goes on when all is over."""
        rule = self.case.rule
        if rule is not None:
            self.scene.notes.first(rule.name, "struck")
            if not self._is_held_on:
                self.scene.notes.first(rule.name, "release")

    @property
    def _is_held_on(self) -> bool:
        """Whether the attempt comes late: only when all is over."""
        return "zombie" in self.case.fault and self.case.step.stage != "relay"

    async def _end(self) -> None:
        async with asyncio.timeout(SECONDS_TO_END):
            await self._closed()
            await self._has_struck()
            if self._comes_late():
                await self._late()
            if self.case.fault == "again":
                await others.place_again(self)
            # A late attempt may have accepted what was lost before, and a rival has its own time.
            await self._closed()
            await others.see_off(self)

    async def _has_struck(self) -> None:
        """See the fault through, which may strike at the very last moment, or leave a process frozen."""
        if self.case.rule is None:
            return
        with suppress(TimeoutError):  # then it was never struck, which is found out
            async with asyncio.timeout(SECONDS_TO_BE_NOTED):
                await self.scene.notes.until(self.case.rule.name, "hit")
        if self.scene.notes.has(self.case.rule.name, "hit"):
            await self.struck.wait()

    async def _closed(self) -> None:
        """Wait until the order is closed, and nothing of it runs."""
        while not await self._is_over():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _is_over(self) -> bool:
        closed = self.order.order_id in self.scene.closed
        if self.case.step.style == "choreographed":
            return closed
        if not closed and not self.case.fault.startswith("terminate"):
            return False
        try:
            described = await self.handle.describe()
        except RPCError:
            return False
        if described.status is WorkflowExecutionStatus.RUNNING:
            return False
        return closed or await moments.never_accepted(self)

    def _comes_late(self) -> bool:
        rule = self.case.rule
        return rule is not None and self.case.fault in LATE and self.scene.notes.has(rule.name, "hit")

    async def _late(self) -> None:
        """Let the late attempt go on, and see how it ends."""
        rule = self.case.rule
        assert rule is not None
        self.scene.notes.first(rule.name, "release")
        if self.case.own_worker and (hit := self.scene.notes.read(rule.name, "hit")):
            os.kill(hit["pid"], signal.SIGCONT)
        if self.case.notes_its_end:
            await self.scene.notes.until(rule.name, "ended")
            for number in self.scene.notes.line(rule.name):
                await self.scene.notes.until(in_line(rule.name, number), "ended")


async def play(scene: ExplorerScene, case: Case) -> None:
    """Play one case with articles of its own; few orders are on the way to their fault at the same time."""
    pair = await scene.pairs.get()
    play = Play(scene, case, order_of(case, pair))
    try:
        async with scene.one if case.kind == "relay" else scene.few:
            playing = asyncio.create_task(play.run())
            under_way = asyncio.create_task(play.under_way.wait())
            await asyncio.wait([playing, under_way], timeout=SECONDS_ON_THE_WAY, return_when=asyncio.FIRST_COMPLETED)
            under_way.cancel()
        await playing
    finally:
        scene.pairs.put_nowait(pair)
