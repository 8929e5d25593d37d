"""A cancel at every point of an order: one ending that fits, every effect undone once, and an answer that is true."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from models.commands import CancelOrder, CommandAccepted
from models.order import Order
from models.process import OrderResult
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import blocked, until_somebody_waits
from tests.orders.moments.held import HeldOrders, held_orders
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.orders.test_scenarios import books, expected_books
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]
How = Literal["native", "update"]
Handle = WorkflowHandle[Any, OrderResult]

COMPLETED = Scenario("completed")
REFUSED = Scenario("refused", postcode="00000", status="compensated", failed_step="ship", undone=("charge", "reserve"))
FLAKY = Scenario("flaky", token="tok_flaky_1")
SOLD_OUT = next(s for s in SCENARIOS if s.name == "no-stock")
PATHS = [COMPLETED, REFUSED, FLAKY, SOLD_OUT]
AT_ONCE = 24
TOTAL = 4970
LAST_EVENT = {"completed": 25, "refused": 39, "flaky": 25, "no-stock": 15}
COMMAND = CancelOrder(reason="changed my mind", actor="c-7")

each_path = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
each_way = pytest.mark.parametrize("how", ["native", "update"])


@pytest.fixture(scope="module")
async def held(system: System) -> AsyncIterator[HeldOrders]:
    async with held_orders(system) as held:
        yield held
    await assert_conserved(system.db)


async def cancel(handle: Handle, how: How, command: CancelOrder = COMMAND) -> bool:
    """Cancel an order; return whether the answer was yes. Temporal says yes to every native cancel."""
    try:
        if how == "native":
            await handle.cancel()
        else:
            await handle.execute_update("cancel_order", command, result_type=CommandAccepted)
    except WorkflowUpdateFailedError as error:
        if not any(said in str(error.cause) for said in ("carrier", "being undone")):
            raise
        return False
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


COLOURS = {
    "completed": WorkflowExecutionStatus.COMPLETED,
    "compensated": WorkflowExecutionStatus.FAILED,
    "cancelled": WorkflowExecutionStatus.CANCELED,
}


async def ending(system: System, path: Scenario, order: Order, handle: Handle) -> str:
    """Return how the order ended, after everything that must be true of such an end."""
    result = await result_of(handle)
    status = result.status.value if result else "cancelled"
    assert status in {path.status, "cancelled"}
    assert (await handle.describe()).status == COLOURS[status]
    state = await system.state(handle)
    assert state.status == status
    assert not [line for line in state.history if line.status == "parked"]
    refused = {line.step for line in state.history if line.direction == "do" and line.status == "refused"}
    undone = [s.step for s in state.history if s.direction == "undo" and s.step not in refused]
    dos = [s.step for s in state.history if s.direction == "do" and s.step not in {"validate", "complete"} | refused]
    if path.express and not refused:  # whatever a workflow task that was lost may have done
        dos = ["reserve", "charge", "ship"]
    assert undone == ([] if status == "completed" else dos[::-1])
    ours = await books(system, order)
    if status == path.status:
        assert ours == expected_books(path, TOTAL)
    else:
        assert (ours["revenue"], ours["held"]) == (0, 0)
        assert ours["order"] == "cancelled"
        assert ours["provider"] in {None, "void", "taken_back"}
        assert ours["reserve"] in {None, "undone", "tombstone", "refused"}
        assert ours["parcel"] in {None, "void", "taken_back", "refused"}
    return status


async def until_recorded(handle: Handle, event_type: EventType.ValueType) -> None:
    """Wait until the history has an event of a type."""
    async with asyncio.timeout(20):
        while event_type not in [event.event_type async for event in handle.fetch_history_events()]:
            await asyncio.sleep(0.02)


async def moments_of(held: HeldOrders, path: Scenario) -> int:
    """Return how often anything of such an order passes between worker and server when nobody steps in."""
    handle = await held.start(path.order())
    await result_of(handle)
    return held.gate.moments[handle.id]


async def cancelled_at(held: HeldOrders, path: Scenario, how: How, moment: int) -> tuple[str, bool]:
    """Hold an order at a moment, cancel it there, let it go on; return its ending and the cancel's answer."""
    order = path.order()
    handle = await held.start(order, moment)
    hold = held.hold(order)
    async with asyncio.timeout(30):
        await hold.reached.wait()
    if how == "native":
        accepted = await cancel(handle, how)
        hold.released.set()
    else:  # the server says nothing of an update before the worker has seen it: give it a start
        asked = asyncio.create_task(cancel(handle, how))
        await asyncio.wait([asked], timeout=0.05)
        hold.released.set()
        accepted = await asked
    return await ending(held.system, path, order, handle), accepted


@each_way
@each_path
async def test_a_cancel_at_every_moment_between_worker_and_server(held: HeldOrders, path: Scenario, how: How) -> None:
    moments, gate = await moments_of(held, path), asyncio.Semaphore(AT_ONCE)

    async def one(moment: int) -> tuple[str, bool]:
        async with gate:
            try:
                return await cancelled_at(held, path, how, moment)
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(f"cancelled at moment {moment} of {moments}") from error

    endings = await asyncio.gather(*(one(moment) for moment in range(1, moments + 1)))

    assert ("cancelled", True) in endings
    if how == "update":
        assert all(accepted == (status == "cancelled") for status, accepted in endings)


@each_way
@each_path
async def test_a_cancel_at_every_event_of_the_history(held: HeldOrders, path: Scenario, how: How) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[str, bool]:
        async with gate:
            order = path.order()
            handle = await held.start(order)
            async for event in handle.fetch_history_events(wait_new_event=True):
                if event.event_id >= number:
                    break
            accepted = await cancel(handle, how)
            return await ending(held.system, path, order, handle), accepted

    endings = await asyncio.gather(*(one(number) for number in range(1, LAST_EVENT[path.name] + 1)))

    assert ("cancelled", True) in endings
    assert endings[-1][0] == path.status
    if how == "update":
        assert all(accepted == (status == "cancelled") for status, accepted in endings)


@each_way
async def test_a_cancel_before_the_first_workflow_task(system: System, how: How) -> None:
    order = COMPLETED.order()
    async with held_orders(system) as held:
        pass  # nobody works on its queue any more
    handle = await held.start(order)
    asked = asyncio.create_task(cancel(handle, how))
    await asyncio.wait([asked], timeout=0.2)
    async with held.worker():
        assert await asked
        assert await ending(system, COMPLETED, order, handle) == "cancelled"
        steps = {line.step for line in (await system.state(handle)).history}
    assert steps <= {"validate", "close"}
    assert (await books(system, order))["reserve"] is None


@pytest.mark.parametrize("ways", [("native", "update"), ("update", "native"), ("update", "update")])
async def test_a_second_cancel_changes_nothing(held: HeldOrders, ways: tuple[How, How]) -> None:
    order = Scenario("twice", token="tok_flaky_3").order()
    handle = await held.start(order)
    await called(held.system, order, "charge", "unavailable")

    answers = await asyncio.gather(*(cancel(handle, how) for how in ways))

    assert answers == [True, True]
    assert await ending(held.system, Scenario("completed"), order, handle) == "cancelled"
    assert await held.system.one(TAKEN_BACK, f"{order.order_id}:charge") == 0


TAKEN_BACK = "select count(*)::int from card_provider.calls where key = %s and outcome = 'taken_back'"


async def called(system: System, order: Order, operation: str, outcome: str) -> None:
    """Wait until the card provider has been asked, and has done so."""
    query = "select 1 from card_provider.calls where key = %s and operation = %s and outcome = %s"
    async with asyncio.timeout(20):
        while not await system.one(query, f"{order.order_id}:charge", operation, outcome):
            await asyncio.sleep(0.01)


@each_way
async def test_a_cancel_between_two_attempts(held: HeldOrders, how: How) -> None:
    order = Scenario("timer", token="tok_flaky_3").order()
    handle = await held.start(order)
    async with asyncio.timeout(20):
        while not await waits_to_retry(handle):
            await asyncio.sleep(0.01)

    assert await cancel(handle, how)

    assert await ending(held.system, COMPLETED, order, handle) == "cancelled"
    calls = "select count(*)::int from card_provider.calls where key = %s and operation = 'charge'"
    assert await held.system.one(calls, f"{order.order_id}:charge") < 4


async def waits_to_retry(handle: Handle) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(
        activity.activity_type.name == "charge_payment" and activity.HasField("last_failure") for activity in pending
    )


@pytest.mark.parametrize("ways", [("native",), ("update",), ("native", "update"), ("update", "native")])
async def test_a_cancel_during_an_undo_comes_too_late_and_cuts_nothing_short(
    held: HeldOrders, ways: tuple[How, ...]
) -> None:
    path = dataclasses.replace(REFUSED, name="undoing", token="tok_refund_flaky_2")
    order = path.order()
    handle = await held.start(order)
    await called(held.system, order, "refund", "unavailable")

    answers = [await cancel(handle, how) for how in ways]

    assert answers == [how == "native" for how in ways]
    assert await ending(held.system, path, order, handle) == "compensated"
    assert await held.system.one(TAKEN_BACK, f"{order.order_id}:charge") == 1


async def test_a_cancel_during_the_undo_that_a_cancel_began_is_a_yes_again(held: HeldOrders) -> None:
    order = Scenario("again", token="tok_refund_flaky_1", postcode="00003").order()
    handle = await held.start(order)
    await called(held.system, order, "charge", "taken")
    assert await cancel(handle, "update")
    await called(held.system, order, "refund", "unavailable")

    assert await cancel(handle, "update")
    assert await cancel(handle, "native")

    assert await ending(held.system, COMPLETED, order, handle) == "cancelled"
    assert await held.system.one(TAKEN_BACK, f"{order.order_id}:charge") == 1


@each_way
@pytest.mark.parametrize("path", [COMPLETED, REFUSED], ids=lambda path: path.name)
async def test_a_cancel_after_the_end_changes_nothing(held: HeldOrders, path: Scenario, how: How) -> None:
    order = path.order()
    handle = await held.start(order)
    await result_of(handle)

    assert await cancel(handle, how) == (how == "native")
    assert await ending(held.system, path, order, handle) == path.status


@each_way
async def test_a_cancel_that_a_step_swallows_is_not_lost(held: HeldOrders, how: How) -> None:
    order = Scenario("swallowed").order()
    handle = await held.start(order)
    # The charge stands in the database and can't be stopped there; it answers although it was cancelled meanwhile.
    async with blocked(held.system, "payments.receipts"):
        await until_somebody_waits(held.system)
        asked = asyncio.create_task(cancel(handle, how))
        await until_recorded(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)
    assert await asked

    assert await ending(held.system, COMPLETED, order, handle) == "cancelled"
    steps = [line.step for line in (await held.system.state(handle)).history if line.direction == "do"]
    assert "ship" not in steps
