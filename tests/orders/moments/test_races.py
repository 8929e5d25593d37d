"""Races between real processes on a real server: a late attempt or a late cancel changes nothing."""

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
from tests.orders.deaths.test_kills import PROJECT, blocked, until_blocked, worker_process
from tests.orders.moments.test_reset import effects
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of
from worker import _activities, orders_worker
from workflows.order.workflow import OrderWorkflow

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]


@asynccontextmanager
async def workflows_only(system: System) -> AsyncIterator[None]:
    """Run a worker for workflows only, so that other workers execute the activities."""
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


PREFIX = "frozen worker: "


class Frozen:
    """A worker process that freezes itself; `printed` waits for the next text that the process prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    async def printed(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(30):
            while not (line := await asyncio.to_thread(self.process.stdout.readline)).startswith(PREFIX):
                assert line, "the frozen worker has died"
        return line.removeprefix(PREFIX).strip()

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


async def test_an_attempt_that_resumes_after_the_next_one_succeeded_has_no_effect(idle_system: System) -> None:
    order = Scenario("woken").order()
    async with workflows_only(idle_system):
        with frozen_worker(idle_system, "charge_payment", "before") as first:
            handle = await idle_system.start(order)
            assert await first.printed() == "frozen"
            with worker_process(idle_system):
                result = await result_of(handle)
            first.thaw()
            assert await first.printed() == "answered"

    assert result
    assert result.status == "completed"
    after = await effects(idle_system, order)
    assert (after["charges"], after["parcels"], after["entries"]) == (1, 1, 2)


async def test_a_late_charge_after_its_refund_is_refused(idle_system: System) -> None:
    order = Scenario("late", postcode="00000").order()
    async with workflows_only(idle_system):
        with frozen_worker(idle_system, "charge_payment", "before") as late:
            handle = await idle_system.start(order)
            assert await late.printed() == "frozen"
            with worker_process(idle_system):
                result = await result_of(handle)
            before = await effects(idle_system, order)
            late.thaw()
            assert await late.printed() == "AlreadyUndone"

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    assert (before["charges"], before["refunds"], before["provider"]) == (1, 1, "taken_back")
    assert await effects(idle_system, order) == before


async def test_two_charges_that_hang_until_after_the_undo_are_both_refused(idle_system: System) -> None:
    order = Scenario("hanging").order()
    async with workflows_only(idle_system):
        with frozen_worker(idle_system, "charge_payment", "before") as first:
            handle = await idle_system.start(order)
            assert await first.printed() == "frozen"
            with frozen_worker(idle_system, "charge_payment", "before") as second:
                assert await second.printed() == "frozen"
                await handle.cancel()
                with worker_process(idle_system):
                    assert await result_of(handle) is None
                before = await effects(idle_system, order)
                for late in (first, second):
                    late.thaw()
                    assert await late.printed() == "AlreadyUndone"

    assert (before["charges"], before["provider"], before["order"]) == (0, "void", "cancelled")
    assert await effects(idle_system, order) == before


async def test_a_refund_whose_worker_dies_after_each_of_two_attempts_is_one_refund(idle_system: System) -> None:
    order = Scenario("killed", postcode="00000").order()
    handle = None
    async with workflows_only(idle_system):
        for _ in range(2):
            with frozen_worker(idle_system, "refund_payment", "after") as doomed:
                handle = handle or await idle_system.start(order)
                assert await doomed.printed() == "frozen"
        assert handle
        with worker_process(idle_system):
            result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    after = await effects(idle_system, order)
    assert (after["charges"], after["refunds"], after["entries"], after["held"]) == (1, 1, 2, 0)


async def test_a_refund_begins_only_after_the_running_charge_has_ended(idle_system: System) -> None:
    order = Scenario("running").order()
    async with orders_worker(idle_system.client, idle_system.stack.database_url, idle_system.settings):
        async with blocked(idle_system, "payments.receipts"):
            handle = await idle_system.start(order)
            await until_blocked(idle_system)
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
            ended.append(f"{names[event.event_id]} scheduled")
        completed, canceled = (
            event.activity_task_completed_event_attributes,
            event.activity_task_canceled_event_attributes,
        )
        if scheduled := completed.scheduled_event_id or canceled.scheduled_event_id:
            ended.append(f"{names[scheduled]} ended")

    assert "charge_payment ended" in ended[: ended.index("refund_payment scheduled")]
    after = await effects(idle_system, order)
    assert (after["held"], after["reserve"], after["order"]) == (0, "undone", "cancelled")


async def test_ten_cancels_of_two_operators_are_one_cancel(idle_system: System) -> None:
    order = Scenario("clicked", token="tok_flaky_3").order()
    async with orders_worker(idle_system.client, idle_system.stack.database_url, idle_system.settings):
        handle = await idle_system.start(order)
        query = "select 1 from card_provider.calls where key = %s"
        async with asyncio.timeout(20):
            while not await idle_system.one(query, f"{order.order_id}:charge"):
                await asyncio.sleep(0.01)

        async def click(actor: str) -> CommandAccepted:
            command = CancelOrder(reason="changed my mind", actor=actor)
            answer: CommandAccepted = await handle.execute_update("cancel_order", command, result_type=CommandAccepted)
            return answer

        clicks = (click(actor) for actor in ("ann", "bo") for _ in range(5))
        answers = await asyncio.gather(*clicks, return_exceptions=True)
        assert await result_of(handle) is None
        undos = [line.step for line in (await idle_system.state(handle)).history if line.direction == "undo"]

    # A few may wait at the same time, so that there is room for other commands; the others are refused by name.
    refused = [answer.cause for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    accepted = [answer for answer in answers if isinstance(answer, CommandAccepted)]
    assert len(accepted) + len(refused) == 10
    assert accepted
    assert {getattr(cause, "type", None) for cause in refused} <= {"TooManyUpdates"}
    assert undos == ["charge", "reserve"]


async def test_a_cancel_after_a_worker_died_before_it_reported_the_completion_is_too_late(idle_system: System) -> None:
    order = Scenario("settled").order()
    with frozen_worker(idle_system, "complete_order", "after", "workflows too") as doomed:
        handle = await idle_system.start(order)
        assert await doomed.printed() == "frozen"
    command = CancelOrder(reason="changed my mind", actor="c-7")
    cancelling = asyncio.create_task(handle.execute_update("cancel_order", command, result_type=CommandAccepted))
    await asyncio.wait([cancelling], timeout=0.5)
    with worker_process(idle_system):
        async with asyncio.timeout(40):
            await asyncio.wait([cancelling])
            while not (state := await idle_system.state(handle)).status.final:
                assert state.status != "needs_attention"
                await asyncio.sleep(0.1)

    assert state.status == "completed"
    assert isinstance(cancelling.exception(), WorkflowUpdateFailedError)
