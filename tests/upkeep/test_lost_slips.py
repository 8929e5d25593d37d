"""Slips whose workflow was terminated, deleted, timed out or never started are recovered to an outcome, each once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.activities.payments import RefundPayment
from models.commands import Resolve
from models.names import SLIP_RECOVERY_WORKFLOW, SLIP_WORKFLOW, TASK_QUEUE, slip_workflow_id
from models.process import Status
from models.recovery import RecoverProcess
from models.slips.slip import Review, RoutingSlip, SlipResult
from services.slips.slips import Slips
from tests.slips.conftest import Handle, receipts, result_of, revision, start, state_of, update, waiting
from tests.slips.slips import slip
from tests.systems import System
from tests.upkeep.conftest import (
    SECONDS_TO_HAPPEN,
    blocked,
    delete,
    lock_awaited,
    no_lock_awaited,
    reconcile,
    step_reached,
)

pytestmark = [pytest.mark.server, pytest.mark.faults]
# How a workflow is lost → the cause that `stuck` and the recovery name.
LOST = {"terminated": "terminated", "deleted": "never started, or deleted"}


async def ended(system: System, lost: RoutingSlip) -> str:
    """Wait until a slip is closed, and return its outcome."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await system.one("select closed_at from slips.slips where slip_id = %s", lost.slip_id):
            await asyncio.sleep(0.1)
    return str(await system.one("select status from slips.slips where slip_id = %s", lost.slip_id))


async def kinds(system: System, lost: RoutingSlip, runs_at_least: int = 2) -> list[str]:
    """Return the types of a slip's runs, the oldest first, once Temporal lists that many."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            query = f"WorkflowId = '{slip_workflow_id(lost.slip_id)}'"
            runs = sorted([run async for run in system.client.list_workflows(query)], key=lambda run: run.start_time)
            if len(runs) >= runs_at_least:
                return [run.workflow_type for run in runs]
            await asyncio.sleep(0.1)


async def refunds(system: System, lost: RoutingSlip) -> int:
    query = "select count(*)::int from card_provider.calls where key = %s and outcome = 'taken_back'"
    return int(await system.one(query, f"slip.{lost.slip_id}:charge"))


async def recovery_of(system: System, lost: RoutingSlip) -> Handle:
    return system.client.get_workflow_handle(slip_workflow_id(lost.slip_id), result_type=SlipResult)


async def lose(system: System, handle: Handle, how: str) -> None:
    await (delete(system, handle) if how == "deleted" else handle.terminate("by a test"))


@pytest.mark.parametrize("how", ["terminated", "deleted"])
async def test_a_slip_that_waits_is_undone_in_reverse(kept: System, how: str) -> None:
    handle = await start(kept, lost := slip("price", "charge", "reserve", "wrap", "hold"))
    await waiting(handle)
    await lose(kept, handle, how)
    report = await kept.orders.stuck(timedelta(0))
    gone = {each.process_id: each for each in report.stuck}[handle.id]

    await reconcile(kept)

    assert (gone.cause, gone.detail.partition(";")[0]) == (
        "gone",
        f"its workflow is gone ({LOST[how]})",
    )
    assert await ended(kept, lost) == "compensated"
    result = await result_of(await recovery_of(kept, lost))
    assert result is not None
    assert result.undone == ("wrap", "reserve", "charge")
    assert result.reason == f"workflow: Lost: its workflow was {LOST[how]}"
    assert await receipts(kept, lost.slip_id) == {"charge": "undone", "reserve": "undone", "wrap": "undone"}
    assert await refunds(kept, lost) == 1


async def test_a_slip_that_timed_out_is_undone(kept: System) -> None:
    lost = slip("price", "charge", "hold")
    handle: Handle = await kept.client.start_workflow(
        SLIP_WORKFLOW,
        lost,
        id=slip_workflow_id(lost.slip_id),
        task_queue=TASK_QUEUE,
        result_type=SlipResult,
        execution_timeout=timedelta(seconds=4),
    )
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await handle.describe()).close_time is None:
            await asyncio.sleep(0.1)

    await reconcile(kept)

    assert await ended(kept, lost) == "compensated"
    assert await kinds(kept, lost) == ["RoutingSlipWorkflow", "RecoverSlipWorkflow"]


@pytest.mark.parametrize("how", ["terminated", "deleted"])
async def test_the_stops_that_a_revision_inserted_are_undone(kept: System, how: str) -> None:
    handle = await start(kept, lost := slip("price", "reserve", "hold", "hold-2", "ship"))
    await waiting(handle)
    inserted = tuple(slip("charge", "wrap").itinerary)
    await update(handle, "revise_slip", revision(insert=inserted))
    await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="go on"))
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await state_of(handle)).current_step != "hold-2":
            await asyncio.sleep(0.1)
    await lose(kept, handle, how)

    await reconcile(kept)

    assert await ended(kept, lost) == "compensated"
    result = await result_of(await recovery_of(kept, lost))
    assert result is not None
    assert [step for step in result.undone if step != "ship"] == ["wrap", "charge", "reserve"]
    assert await refunds(kept, lost) == 1


async def test_a_slip_whose_parcel_the_carrier_has_is_settled(kept: System) -> None:
    lost = slip("price", "reserve", "charge", "ship")
    async with blocked(kept, "shipping.receipts"):
        handle = await start(kept, lost)
        await step_reached(kept, handle, "ship")
        await lock_awaited(kept)
        await handle.terminate("by a test")

    await reconcile(kept)

    assert await ended(kept, lost) == "completed"
    found = await receipts(kept, lost.slip_id)
    assert (found["charge"], found["reserve"]) == ("settled", "settled")
    assert found["ship"] in {"done", "settled"}
    assert await refunds(kept, lost) == 0


async def test_a_slip_that_was_being_settled_is_settled(kept: System) -> None:
    lost = slip("price", "reserve", "charge", "hold")
    handle = await start(kept, lost)
    await waiting(handle)
    async with blocked(kept, "slips.slips"):
        await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="go on"))
        await lock_awaited(kept)
        await handle.terminate("by a test")

    await reconcile(kept)

    assert await ended(kept, lost) == "completed"
    found = await receipts(kept, lost.slip_id)
    assert (found["charge"], found["reserve"]) == ("settled", "settled")


async def test_an_accepted_slip_that_was_never_started_is_started(kept: System) -> None:
    await Slips(kept.db).accept(lost := slip("price", "charge"))

    assert (await reconcile(kept)).recovering == 1

    assert await ended(kept, lost) == "completed"
    # The recovery continues as the slip itself.
    assert await kinds(kept, lost) == ["RecoverSlipWorkflow", "RoutingSlipWorkflow"]


async def test_a_running_slip_is_not_recovered(kept: System) -> None:
    handle = await start(kept, slip("price", "charge", "hold"))
    await waiting(handle)

    rounds = await asyncio.gather(*(reconcile(kept) for _ in range(2)))

    assert [each.recovering for each in rounds] == [0] * 2
    await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="go on"))
    result = await result_of(handle)
    assert result is not None
    assert result.status == "completed"


async def test_an_undo_of_a_recovery_waits_for_an_operator_and_is_not_repeated(kept: System) -> None:
    handle = await start(kept, lost := slip("price", "charge", "reserve", "hold"))
    await waiting(handle)
    await handle.terminate("by a test")
    await set_receipt(kept, lost, "settled")  # so that the refund, which is not the first undo, is refused
    await reconcile(kept)
    recovery = await recovery_of(kept, lost)
    parked = await until_parked(kept, recovery)

    assert (parked["cause"], parked["at_risk"]) == ("parked", 2980)
    assert f"{lost.slip_id} charge retry --reason" in parked["help"]
    assert await kept.one("select at_risk from operators.alerts where order_id = %s", f"slip.{lost.slip_id}") == 2980
    listed = await kept.orders.list(Status.NEEDS_ATTENTION)
    assert f"slips/{lost.slip_id}" in [each.order_id for each in listed.orders]
    async with blocked(kept, "slips.slips"):
        decision = Resolve(step="charge", verb="skip", actor="ann", reason="by hand", evidence="statement 17")
        await update(recovery, "resolve", decision)
        await lock_awaited(kept)
        await (await recovery_of(kept, lost)).terminate("before it was closed")
        await no_lock_awaited(kept)  # otherwise the attempt that is on its way would close the slip
    await set_receipt(kept, lost, "done")
    await reconcile(kept)

    assert await ended(kept, lost) == "compensated"
    assert await refunds(kept, lost) == 0
    assert await kinds(kept, lost, 3) == ["RoutingSlipWorkflow", "RecoverSlipWorkflow", "RecoverSlipWorkflow"]
    process = f"slip.{lost.slip_id}"
    await kept.services.payments.refund(RefundPayment(key=f"{process}:charge", order_id=process))  # by hand


async def set_receipt(system: System, lost: RoutingSlip, status: str) -> None:
    query = b"update payments.receipts set status = %(status)s where key = %(key)s"
    await system.db.rows(query, {"status": status, "key": f"slip.{lost.slip_id}:charge"})


async def until_parked(system: System, handle: Handle) -> dict[str, Any]:
    """Wait until a process is listed as parked, and return its entry in the list of parked effects."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            for effect in await system.orders.dead_letters.parked():
                if effect.process_id == handle.id:
                    return effect.model_dump()
            await asyncio.sleep(0.2)


async def test_an_unreadable_slip_becomes_a_dead_letter_and_stops_no_other_one(kept: System) -> None:
    bad, good = slip("price", "charge"), slip("price", "charge")
    for each in (bad, good):
        await Slips(kept.db).accept(each)
    await kept.db.rows(
        b"update slips.slips set body = '{\"itinerary\": 7}' where slip_id = %(slip_id)s", {"slip_id": bad.slip_id}
    )

    found = await reconcile(kept)

    assert (found.dead, found.recovering) == (1, 1)
    assert await ended(kept, good) == "completed"
    stuck = {each.process_id: each for each in (await kept.orders.stuck(timedelta(0))).stuck}
    assert stuck[slip_workflow_id(bad.slip_id)].cause == "dead_letter"
    alerted = "select failure from operators.alerts where order_id = %s"
    assert "the recovery of a lost slip" in await kept.one(alerted, f"slip.{bad.slip_id}")
    await kept.db.rows(
        b"update slips.slips set status = 'failed', closed_at = now() where slip_id = %(slip_id)s",
        {"slip_id": bad.slip_id},
    )


async def test_a_recovery_that_is_cancelled_while_it_reads_undoes_the_slip(kept: System) -> None:
    handle = await start(kept, lost := slip("price", "charge", "hold"))
    await waiting(handle)
    await handle.terminate("by a test")
    async with blocked(kept, "slips.slips"):
        recovery = await kept.client.start_workflow(
            SLIP_RECOVERY_WORKFLOW, RecoverProcess(process_id=lost.slip_id), id=handle.id, task_queue=TASK_QUEUE
        )
        await lock_awaited(kept)
        await recovery.cancel()

    assert await ended(kept, lost) == "cancelled"
    assert await receipts(kept, lost.slip_id) == {"charge": "undone"}
