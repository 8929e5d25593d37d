"""Commands always get through: waiting callers use no update, and repeated commands only a part of those of a run."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.commands import limit_met
from models.commands import CancelOrder, CommandAccepted, OutcomeWait
from models.errors import Conflict, Unavailable
from models.external_events import EventAccepted
from models.process import Status
from runtime.embedded.stack import Stack
from tests.orders.waiting.transfers import settled, transfer_order, waiting
from tests.slips.conftest import revision, start, update
from tests.slips.conftest import waiting as slip_waiting
from tests.slips.slips import slip
from tests.systems import System, open_system
from worker import orders_worker

pytestmark = pytest.mark.server

CALLERS, REPEATS = 40, 60
FEW = 20


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system whose workflows read the limits of this process: they run without a sandbox."""
    async with open_system(servers) as system, orders_worker(system.client, system.stack.database_url, system.settings):
        yield system


async def updates_of(handle: WorkflowHandle[Any, Any]) -> int:
    """Return the number of updates that a run has accepted."""
    history = await handle.fetch_history()
    return sum(e.HasField("workflow_execution_update_accepted_event_attributes") for e in history.events)


async def refusal(handle: WorkflowHandle[Any, Any], name: str, argument: Any) -> str:
    """Send an update; return the type of its refusal, or an empty text."""
    try:
        await handle.execute_update(name, argument)
    except WorkflowUpdateFailedError as error:
        return error.cause.type or "" if isinstance(error.cause, ApplicationError) else repr(error.cause)
    return ""


async def test_waiting_callers_use_up_no_update(system: System) -> None:
    order = transfer_order("many-callers")
    handle = await waiting(system, order)

    answers = await asyncio.gather(*(system.orders.place_within(order, 5.0) for _ in range(CALLERS)))

    assert {result.status for _, result in answers} == {Status.WAITING}
    assert {placed.again for placed, _ in answers} == {True}
    assert await refusal(handle, "outcome", OutcomeWait(seconds=1)) == "NotOffered"
    assert await updates_of(handle) == 0
    await handle.execute_update("cancel_order", CancelOrder(reason="enough"), result_type=CommandAccepted)


async def test_a_repeated_event_leaves_room_for_other_commands(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.commands.OTHERS_AT_MOST", FEW)
    handle = await waiting(system, transfer_order("repeated-event", postcode="00009"))  # the carrier takes seconds
    await handle.execute_update("deliver_event", settled(), result_type=EventAccepted)

    refusals = [await refusal(handle, "deliver_event", settled()) for _ in range(REPEATS)]

    assert refusals == [""] * (FEW - 1) + ["TooManyUpdates"] * (REPEATS - FEW + 1)
    assert await updates_of(handle) == FEW
    assert await refusal(handle, "cancel_order", CancelOrder(reason="enough")) in {"", "TooLate"}


async def test_revisions_leave_room_for_a_cancel(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.commands.OTHERS_AT_MOST", FEW)
    handle = await start(system, slip("reserve", "hold", "price"))
    await slip_waiting(handle)

    refusals = [await refusal(handle, "revise_slip", revision(replace=slip("price").itinerary)) for _ in range(REPEATS)]

    assert refusals == [""] * FEW + ["TooManyUpdates"] * (REPEATS - FEW)
    await update(handle, "cancel_slip", CancelOrder(reason="enough"))
    with pytest.raises(Exception, match="Workflow execution"):
        await handle.result()


async def test_repeated_cancels_leave_room_for_a_decision(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.commands.OTHERS_AT_MOST", FEW)
    order = transfer_order("repeated-cancel")
    handle = await waiting(system, order)
    key = f"{order.order_id}:reserve"
    await system.db.rows(b"update inventory.receipts set status = 'settled' where key = %(key)s", {"key": key})
    assert await refusal(handle, "cancel_order", CancelOrder(reason="enough")) == ""

    refusals = [await refusal(handle, "cancel_order", CancelOrder(reason="enough")) for _ in range(REPEATS)]

    assert refusals == [""] * (FEW - 1) + ["TooManyUpdates"] * (REPEATS - FEW + 1)
    async with asyncio.timeout(60):
        while (await system.state(handle)).status is not Status.NEEDS_ATTENTION:
            await asyncio.sleep(0.05)
    await system.db.rows(b"update inventory.receipts set status = 'done' where key = %(key)s", {"key": key})
    decision = {"step": "reserve", "verb": "retry", "actor": "ana", "reason": "seen"}
    assert await refusal(handle, "resolve", decision) == ""


@pytest.mark.parametrize(
    ("message", "status", "error"),
    [
        (
            "limit on the total number of distinct updates in this workflow has been reached (2000)",
            RPCStatusCode.FAILED_PRECONDITION,
            Conflict,
        ),
        (
            "limit on number of concurrent in-flight updates has been reached (10)",
            RPCStatusCode.RESOURCE_EXHAUSTED,
            Unavailable,
        ),
        (
            "limit on total payload size of in-flight updates has been reached (9 bytes)",
            RPCStatusCode.RESOURCE_EXHAUSTED,
            Unavailable,
        ),
        ("namespace rate limit exceeded", RPCStatusCode.RESOURCE_EXHAUSTED, Unavailable),
    ],
)
def test_a_limit_that_is_met_is_named(message: str, status: RPCStatusCode, error: type[Exception]) -> None:
    met = limit_met(RPCError(f"{message}. Make sure", status, b""), "not cancelled")

    assert isinstance(met, error)
    assert message in str(met)
    assert limit_met(RPCError("another message", RPCStatusCode.INTERNAL, b""), "not cancelled") is None
