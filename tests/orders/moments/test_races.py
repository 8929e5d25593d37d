"""Races, each provoked with real processes on the real server: whoever comes late changes nothing."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.worker import Worker

from activities.interceptor import ActivityInterceptor
from models.commands import CancelOrder, CommandAccepted
from models.names import TASK_QUEUE
from tests.orders.deaths.test_kills import PROJECT, blocked, until_somebody_waits, worker_process
from tests.orders.moments.test_reset import effects
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of
from worker import _activities, orders_worker
from workflows.order.workflow import OrderWorkflow

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]


@asynccontextmanager
async def workflows_only(system: System) -> AsyncIterator[None]:
    """Run the orders' workflows and nothing else, so that the other workers decide what happens to the activities."""
    worker = Worker(
        system.client,
        task_queue=TASK_QUEUE,
        workflows=[OrderWorkflow],
        activities=_activities(system.services),
        interceptors=[ActivityInterceptor()],
        no_remote_activities=True,
    )
    async with worker:
        yield


SAYS = "frozen worker: "


class Frozen:
    """A worker process that freezes itself; `word` is what it says next."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    async def word(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(30):
            while not (line := await asyncio.to_thread(self.process.stdout.readline)).startswith(SAYS):
                assert line, "the frozen worker has died"
        return line.removeprefix(SAYS).strip()

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def frozen_worker(system: System, *arguments: str) -> Iterator[Frozen]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.orders.deaths.frozen_worker",
            system.stack.database_url,
            system.stack.temporal_address,
            *arguments,
        ],
        cwd=PROJECT,
        env=system.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Frozen(process)
    finally:
        process.kill()
        process.communicate()


async def test_an_attempt_that_wakes_up_after_the_next_one_did_it_adds_nothing(lonely: System) -> None:
    order = Scenario("woken").order()
    async with workflows_only(lonely):
        with frozen_worker(lonely, "charge_payment", "before") as first:
            handle = await lonely.start(order)
            assert await first.word() == "frozen"
            with worker_process(lonely):
                result = await result_of(handle)
            first.thaw()
            assert await first.word() == "answered"

    assert result
    assert result.status == "completed"
    after = await effects(lonely, order)
    assert (after["charges"], after["parcels"], after["entries"]) == (1, 1, 2)


async def test_a_late_charge_after_its_refund_is_refused(lonely: System) -> None:
    order = Scenario("late", postcode="00000").order()
    async with workflows_only(lonely):
        with frozen_worker(lonely, "charge_payment", "before") as late:
            handle = await lonely.start(order)
            assert await late.word() == "frozen"
            with worker_process(lonely):
                result = await result_of(handle)
            before = await effects(lonely, order)
            late.thaw()
            assert await late.word() == "AlreadyUndone"

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    assert (before["charges"], before["refunds"], before["provider"]) == (1, 1, "taken_back")
    assert await effects(lonely, order) == before


async def test_two_charges_that_hang_until_after_the_undo_are_both_refused(lonely: System) -> None:
    order = Scenario("hanging").order()
    async with workflows_only(lonely):
        with frozen_worker(lonely, "charge_payment", "before") as first:
            handle = await lonely.start(order)
            assert await first.word() == "frozen"
            with frozen_worker(lonely, "charge_payment", "before") as second:
                assert await second.word() == "frozen"
                await handle.cancel()
                with worker_process(lonely):
                    assert await result_of(handle) is None
                before = await effects(lonely, order)
                for late in (first, second):
                    late.thaw()
                    assert await late.word() == "AlreadyUndone"

    assert (before["charges"], before["provider"], before["order"]) == (0, "void", "cancelled")
    assert await effects(lonely, order) == before


async def test_a_refund_whose_worker_dies_after_each_of_two_attempts_is_one_refund(lonely: System) -> None:
    order = Scenario("killed", postcode="00000").order()
    handle = None
    async with workflows_only(lonely):
        for _ in range(2):
            with frozen_worker(lonely, "refund_payment", "after") as doomed:
                handle = handle or await lonely.start(order)
                assert await doomed.word() == "frozen"
        assert handle
        with worker_process(lonely):
            result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    after = await effects(lonely, order)
    assert (after["charges"], after["refunds"], after["entries"], after["held"]) == (1, 1, 2, 0)


async def test_a_refund_begins_only_when_the_charge_that_was_under_way_has_ended(lonely: System) -> None:
    order = Scenario("running").order()
    async with orders_worker(lonely.client, lonely.stack.database_url, lonely.settings):
        async with blocked(lonely, "payments.receipts"):
            handle = await lonely.start(order)
            await until_somebody_waits(lonely)
            await handle.cancel()
            requested = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
            async for event in handle.fetch_history_events(wait_new_event=True):
                if event.event_type == requested:
                    break
        assert await result_of(handle) is None
    names, ended = {}, []
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
            ended.append(f"{names[event.event_id]} asked")
        completed, canceled = (
            event.activity_task_completed_event_attributes,
            event.activity_task_canceled_event_attributes,
        )
        if asked := completed.scheduled_event_id or canceled.scheduled_event_id:
            ended.append(f"{names[asked]} ended")

    assert "charge_payment ended" in ended[: ended.index("refund_payment asked")]
    after = await effects(lonely, order)
    assert (after["held"], after["reserve"], after["order"]) == (0, "undone", "cancelled")


async def test_ten_cancels_of_two_operators_are_one_cancel(lonely: System) -> None:
    order = Scenario("clicked", token="tok_flaky_3").order()
    async with orders_worker(lonely.client, lonely.stack.database_url, lonely.settings):
        handle = await lonely.start(order)
        query = "select 1 from card_provider.calls where key = %s"
        async with asyncio.timeout(20):
            while not await lonely.one(query, f"{order.order_id}:charge"):
                await asyncio.sleep(0.01)

        async def click(actor: str) -> CommandAccepted:
            command = CancelOrder(reason="changed my mind", actor=actor)
            answer: CommandAccepted = await handle.execute_update("cancel_order", command, result_type=CommandAccepted)
            return answer

        answers = await asyncio.gather(*(click(actor) for actor in ("ann", "bo") for _ in range(5)))
        assert await result_of(handle) is None
        undos = [line.step for line in (await lonely.state(handle)).history if line.direction == "undo"]

    assert len(answers) == 10
    assert undos == ["charge", "reserve"]


async def test_a_cancel_after_a_worker_died_between_completing_and_saying_so_comes_too_late(lonely: System) -> None:
    order = Scenario("settled").order()
    with frozen_worker(lonely, "complete_order", "after", "workflows too") as doomed:
        handle = await lonely.start(order)
        assert await doomed.word() == "frozen"
    command = CancelOrder(reason="changed my mind", actor="c-7")
    asked = asyncio.create_task(handle.execute_update("cancel_order", command, result_type=CommandAccepted))
    await asyncio.wait([asked], timeout=0.5)
    with worker_process(lonely):
        async with asyncio.timeout(40):
            await asyncio.wait([asked])
            while not (state := await lonely.state(handle)).status.final:
                assert state.status != "needs_attention"
                await asyncio.sleep(0.1)

    assert state.status == "completed"
    assert isinstance(asked.exception(), WorkflowUpdateFailedError)
