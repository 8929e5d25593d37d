"""Every command that `stuck` advises is run as it is printed, by a shell, and helps."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from client.diagnosis import evidence
from client.diagnosis.findings import Cause, StuckProcess
from models.commands import CancelOrder
from models.money import Money
from models.names import RECONCILER_SCHEDULE, TASK_QUEUE, workflow_id
from models.order import Order
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from services.orders.orders import Orders
from tests.cli.conftest import PROJECT, Ran
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import transfer_order
from tests.orders.waiting.transfers import waiting as transfer_awaited
from tests.slips.conftest import start as start_slip
from tests.slips.conftest import waiting as slip_waits
from tests.slips.slips import slip, stop
from tests.systems import System, open_system
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, closed_as, reconcile, replace_body, step_reached
from tests.upkeep.test_stuck import Broken
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


@asynccontextmanager
async def working(system: System) -> AsyncIterator[None]:
    async with orders_worker(system.client, system.stack.database_url, system.settings):
        yield


@asynccontextmanager
async def shell(system: System, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a printed command through a shell; one that is still running at the end of the block is terminated."""
    environment = system.environment() | {"PATH": PATH}
    running = await asyncio.create_subprocess_exec(
        "sh", "-c", f"exec {command}", cwd=PROJECT, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
            await running.communicate()


async def run(system: System, command: str | None) -> Ran:
    """Run a printed command to its end; it must succeed."""
    assert command is not None
    async with shell(system, command) as running:
        out, err = await running.communicate()
    ran = Ran(running.returncode or 0, out.decode(), err.decode())
    assert ran.code == 0, (command, ran)
    return ran


async def found(system: System, process_id: str, cause: Cause) -> StuckProcess:
    """Wait until a process is stuck for this cause."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            for each in (await system.orders.stuck(timedelta(0))).stuck:
                if (each.process_id, each.cause) == (process_id, cause):
                    return each
            await asyncio.sleep(0.2)


async def ended_as(system: System, process_id: str) -> WorkflowExecutionStatus | None:
    """Wait until a workflow has ended, and return how."""
    handle = system.client.get_workflow_handle(process_id)
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (status := (await handle.describe()).status) is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(0.1)
    return status


async def works_while_it_runs(system: System, stuck: StuckProcess) -> None:
    """Run the command of a worker until the process has ended."""
    assert stuck.help_command is not None
    async with shell(system, stuck.help_command):
        assert await ended_as(system, stuck.process_id) is WorkflowExecutionStatus.COMPLETED


async def no_poller(system: System, _: pytest.MonkeyPatch) -> None:
    handle = await system.start(Scenario("nobody").order())
    await works_while_it_runs(system, await found(system, handle.id, Cause.NO_POLLER))


async def workers_busy(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    async def just_polled(*_: Any) -> tuple[datetime, int]:
        return datetime.now(UTC), 1

    monkeypatch.setattr(evidence, "polls", just_polled)
    handle = await system.start(Scenario("busy").order())
    await works_while_it_runs(system, await found(system, handle.id, Cause.WORKERS_BUSY))


async def task_failing(system: System, _: pytest.MonkeyPatch) -> None:
    handle = await system.start(Scenario("broken").order())
    runner = UnsandboxedWorkflowRunner()
    async with Worker(system.client, task_queue=TASK_QUEUE, workflows=[Broken], workflow_runner=runner):
        stuck = await found(system, handle.id, Cause.TASK_FAILING)
        assert "the missing field" in (await run(system, stuck.help_command)).out


async def retrying(system: System, _: pytest.MonkeyPatch) -> None:
    async with working(system):
        handle = await system.start(Scenario("retried", token="tok_flaky_9").order())
        await step_reached(system, handle, "charge")
        stuck = await found(system, handle.id, Cause.RETRYING)
        assert (stuck.step, stuck.direction) == ("charge", "do")
        await run(system, stuck.help_command)


async def paused(system: System, _: pytest.MonkeyPatch) -> None:
    async with working(system):
        handle = await system.start(Scenario("paused", token="tok_flaky_1", postcode="00009").order())
        await step_reached(system, handle, "ship")
        activity = (await handle.describe()).raw_description.pending_activities[0].activity_id
        unpause = "temporal activity {} --workflow-id {} --activity-id {} --address {} --namespace {}"
        where = (handle.id, activity, system.stack.temporal_address, system.client.namespace)
        await run(system, unpause.format("pause", *where))
        stuck = await found(system, handle.id, Cause.PAUSED)
        assert stuck.help_command == unpause.format("unpause", *where)
        await run(system, stuck.help_command)
        await ended_as(system, handle.id)


async def parked(system: System, _: pytest.MonkeyPatch) -> None:
    async with working(system):
        orders = [await refund_forbidden(system) for _ in range(3)]
        (stuck, *_rest) = [await found(system, workflow_id(order.order_id), Cause.PARKED) for order in orders]
        assert (stuck.step, stuck.direction, stuck.at_risk, stuck.currency) == ("charge", "undo", 4970, "EUR")
        assert stuck.failure
        await refund_allowed(system)
        assert "now cancelled" in (await run(system, stuck.help_command)).out
        (group,) = (await system.orders.stuck(timedelta(0))).groups
        assert (group.count, group.at_risk) == (2, (Money(amount=2 * 4970, currency="EUR"),))
        (resolve_all,) = group.commands
        assert "2 resolved" in (await run(system, resolve_all)).out


async def refund_forbidden(system: System) -> Order:
    """Return a cancelled order whose refund is refused for good."""
    order = Scenario("parked", postcode="00009").order()
    handle = await system.start(order)
    await step_reached(system, handle, "ship")
    receipts = "update payments.receipts set status = 'settled' where key = %s returning 1"
    await system.one(receipts, f"{order.order_id}:charge")
    await system.orders.cancel(order.order_id, CancelOrder(reason="a test"))
    return order


async def refund_allowed(system: System) -> None:
    await system.one("update payments.receipts set status = 'done' where status = 'settled' returning 1")


async def waiting(system: System, _: pytest.MonkeyPatch) -> None:
    async with working(system):
        settles, fails = [await transfer_awaited(system, transfer_order(name)) for name in ("settles", "fails")]
        stuck = await found(system, settles.id, Cause.WAITING)
        assert "waiting" in (await run(system, stuck.help_command)).out
        settled, _failed = stuck.alternatives
        await run(system, settled)
        assert await ended_as(system, settles.id) is WorkflowExecutionStatus.COMPLETED
        _settled, failed = (await found(system, fails.id, Cause.WAITING)).alternatives
        await run(system, failed)
        assert await ended_as(system, fails.id) is WorkflowExecutionStatus.FAILED

        approved, rejected = [await start_slip(system, slip("hold", "reserve")) for _ in range(2)]
        later = await start_slip(system, slip(stop("release", until="2099-01-01T00:00:00Z")))
        for each in (approved, rejected, later):
            await slip_waits(each)
        approve = (await found(system, approved.id, Cause.WAITING)).help_command
        assert "now completed" in (await run(system, approve)).out
        (reject,) = (await found(system, rejected.id, Cause.WAITING)).alternatives
        assert "now compensated" in (await run(system, reject)).out
        nothing = await found(system, later.id, Cause.WAITING)
        assert (nothing.help_command, nothing.alternatives) == (None, ())
        assert "2099-01-01" in nothing.help


async def gone(system: System, _: pytest.MonkeyPatch) -> None:
    order = Scenario("gone").order()
    await Orders(system.db).accept(order)
    # A round leaves the youngest orders to `place`; the one round before the pause must not.
    await system.db.rows(b"update orders.orders set created_at = created_at - interval '1 minute'")
    async with working(system):
        no_schedule = await found(system, workflow_id(order.order_id), Cause.GONE)
        assert "ready" in (await run(system, no_schedule.help_command)).out
        await system.client.get_schedule_handle(RECONCILER_SCHEDULE).pause()
        assert await closed_as(system, order.order_id) == "completed"

        lost = Scenario("lost").order()
        await Orders(system.db).accept(lost)
        stuck = await found(system, workflow_id(lost.order_id), Cause.GONE)
        await run(system, stuck.help_command)
        rounds = (await system.client.get_schedule_handle(RECONCILER_SCHEDULE).describe()).info.num_actions
        assert rounds >= 2


async def dead_letter(system: System, _: pytest.MonkeyPatch) -> None:
    order = Scenario("unreadable").order()
    await Orders(system.db).accept(order)
    await replace_body(system, order, "{}")
    async with working(system):
        assert (await reconcile(system)).dead == 1
        stuck = await found(system, workflow_id(order.order_id), Cause.DEAD_LETTER)
        await replace_body(system, order, order.model_dump_json())
        await run(system, stuck.help_command)
        assert await closed_as(system, order.order_id) == "completed"


async def silent(system: System, _: pytest.MonkeyPatch) -> None:
    async with working(system):
        handle = await start_slip(system, slip(stop("hold"), "reserve"))
        await slip_waits(handle)
    stuck = await found(system, handle.id, Cause.SILENT)
    async with shell(system, stuck.help_command or ""):
        assert (await found(system, handle.id, Cause.WAITING)).help_command


async def undelivered(system: System, _: pytest.MonkeyPatch) -> None:
    order = Scenario("no-relay").order()
    await system.services.choreographed_orders.place(order)
    no_relay = await found(system, workflow_id(order.order_id), Cause.UNDELIVERED)
    async with shell(system, no_relay.help_command or ""):
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while await system.one("select 1 from orders.outbox where published_at is null limit 1"):
                await asyncio.sleep(0.1)
    await system.one("update trace.processes set due_at = now() - interval '1 minute' returning 1")
    nothing_followed = await found(system, workflow_id(order.order_id), Cause.UNDELIVERED)
    async with shell(system, nothing_followed.help_command or ""):
        assert await closed_as(system, order.order_id) == "completed"


async def reconciler_failing(system: System, _: pytest.MonkeyPatch) -> None:
    assert (await system.orders.stuck()).stuck == []
    bind = "update installation.binding set namespace_id = %s returning 1"
    known = await system.one("select namespace_id from installation.binding")
    async with working(system):
        await system.one(bind, "another")
        await schedule_reconciler(system.client, 3600)  # the first round runs at once
        stuck = await found(system, RECONCILER_SCHEDULE, Cause.RECONCILER_FAILING)
        await system.one(bind, known)
        await run(system, stuck.help_command)
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while (await system.orders.stuck()).stuck:
                await asyncio.sleep(0.2)


TRIED: dict[Cause, Callable[[System, pytest.MonkeyPatch], Awaitable[None]]] = {
    Cause.NO_POLLER: no_poller,
    Cause.WORKERS_BUSY: workers_busy,
    Cause.TASK_FAILING: task_failing,
    Cause.RETRYING: retrying,
    Cause.PAUSED: paused,
    Cause.PARKED: parked,
    Cause.WAITING: waiting,
    Cause.GONE: gone,
    Cause.DEAD_LETTER: dead_letter,
    Cause.SILENT: silent,
    Cause.UNDELIVERED: undelivered,
    Cause.RECONCILER_FAILING: reconciler_failing,
}


@pytest.mark.parametrize("cause", Cause)
async def test_every_advised_command_works_as_it_is_printed(
    cause: Cause, servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_system(servers) as system:
        await TRIED[cause](system, monkeypatch)
