"""Runs one case: places its order, waits for its fault, and acts as the client, the operator and the bank."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from multiprocessing.context import ForkServerProcess
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from models.names import ORDER_WORKFLOW, TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import LATE, MOMENTS
from tests.faults.explorer.play import asking, moments, others, striking
from tests.faults.explorer.scene import ExplorerScene, order_of
from tests.faults.injection.injecting import in_line

SECONDS_TO_END = 600
SECONDS_ON_THE_WAY = 10
SECONDS_TO_BE_NOTED = 2
SECONDS_BETWEEN_LOOKS = 0.1


class Play:
    """A running case: its order, its fault and its workers."""

    def __init__(self, scene: ExplorerScene, case: Case, order: Order) -> None:
        self.scene, self.case, self.order = scene, case, order
        self.handle: WorkflowHandle[Any, OrderResult] = scene.system.client.get_workflow_handle(
            workflow_id(order.order_id), result_type=OrderResult
        )
        self.queue = scene.queues.get(order.order_id, TASK_QUEUE)
        # Set once the fault has struck; afterwards the case mostly waits.
        self.under_way = asyncio.Event()
        self.struck = asyncio.Event()
        self.rivals: list[str] = []
        self._held = AsyncExitStack()
        self.own_process: ForkServerProcess | None = None

    async def run(self) -> None:
        """Run the case until the order is closed, its workflow has ended and its late attempt has finished."""
        async with self._held:
            if self.case.own_worker:
                self.own_process = await self.worker(alone=self.case.fault == "stop")
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
        """Wait for the end of the case; raise the first error of its helpers."""
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
        """Start another dedicated worker for this order until the end of the case."""
        return await self._held.enter_async_context(self.scene.fleet.dedicated(self.queue, alone=alone))

    async def _place(self) -> None:
        async with self.scene.asking("place", self.order.order_id, self.order.body_hash()):
            if self.case.step.style == "choreographed":
                await self.scene.place(self.order)
                return
            await self.scene.system.client.start_workflow(
                ORDER_WORKFLOW,
                self.order,
                id=self.handle.id,
                task_queue=self.queue,
            )

    def resume(self) -> None:
        """Let the order and a held attempt continue; a late attempt continues only after the order's end."""
        rule = self.case.rule
        if rule is not None:
            self.scene.notes.first(rule.name, "struck")
            if not self._is_held_to_the_end:
                self.scene.notes.first(rule.name, "release")

    @property
    def _is_held_to_the_end(self) -> bool:
        """Whether the held attempt continues only after the order's end."""
        held = "zombie" in self.case.fault or self.case.fault in MOMENTS
        return held and self.case.step.stage != "relay"

    async def _end(self) -> None:
        async with asyncio.timeout(SECONDS_TO_END):
            await self._closed()
            await self._has_struck()
            if self._is_late_attempt():
                await self._late()
            if self.case.fault == "again":
                await others.place_again(self)
            # A late attempt may have accepted a lost order, and a rival order ends later.
            await self._closed()
            await others.wait_for_rivals(self)
        if self.own_process and self.case.step.style == "choreographed":
            # Nobody else serves the deliveries of the order's other way, which may end after the order.
            await self.scene.drain(self.order.order_id)

    async def _has_struck(self) -> None:
        """Wait until the fault has struck completely; it may strike at the end, or leave a process frozen."""
        if self.case.rule is None:
            return
        with suppress(TimeoutError):  # a fault that never struck is reported by the evaluation
            async with asyncio.timeout(SECONDS_TO_BE_NOTED):
                await self.scene.notes.until(self.case.rule.name, "hit")
        if self.scene.notes.has(self.case.rule.name, "hit"):
            await self.struck.wait()

    async def _closed(self) -> None:
        """Wait until the order is closed and its workflow has ended."""
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

    def _is_late_attempt(self) -> bool:
        rule = self.case.rule
        return rule is not None and self.case.fault in LATE and self.scene.notes.has(rule.name, "hit")

    async def _late(self) -> None:
        """Release the late attempt, and wait for its end."""
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
    """Run one case with its own pair of articles; only few orders are on the way to their fault at the same time."""
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
