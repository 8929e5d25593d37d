"""The deadline of an order: before the pivot the order is undone, after the pivot the step is parked, never both."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.api.enums.v1 import EventType

from models.commands import CommandAccepted, Resolve
from models.order import Order
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import blocked
from tests.orders.scenarios import Scenario
from tests.orders.skipping import Handle, Skipping, skipping_orders
from tests.orders.test_scenarios import records_of
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
async def skipping(system: System) -> AsyncIterator[Skipping]:
    async with skipping_orders(system) as skipping:
        yield skipping
    await assert_conserved(system.db)


async def seconds_taken(handle: Handle) -> float:
    described = await handle.describe()
    assert described.close_time
    return (described.close_time - described.start_time).total_seconds()


async def timers(handle: Handle) -> int:
    return len([e async for e in handle.fetch_history_events() if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED])


async def until_called(system: System, order: Order, party: str, step: str) -> None:
    async with asyncio.timeout(20):
        while not await system.one(f"select 1 from {party}.calls where key = %s", f"{order.order_id}:{step}"):  # noqa: S608
            await asyncio.sleep(0.01)


async def test_a_deadline_during_a_retry_backoff_undoes_the_order_at_once(system: System) -> None:
    # The third attempt would come after 3 s, the fourth after 7 s.
    order = Scenario("late", token="tok_flaky_3").order(deadline_seconds=4)
    handle = await system.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    assert (result.reason or "").startswith("deadline: ")
    assert await seconds_taken(handle) >= 4
    # Not how long the undos take, which depends on the machine, but that the fourth attempt never came.
    calls = "select count(*)::int from card_provider.calls where key = %s and operation = 'charge'"
    assert 1 <= await system.one(calls, f"{order.order_id}:charge") <= 3
    recorded = await records_of(system, order)
    assert (recorded["provider"], recorded["reserve"], recorded["held"]) == ("void", "undone", 0)


async def test_a_deadline_while_a_charge_hangs_refunds_the_charge(system: System) -> None:
    order = Scenario("hanging", token="tok_hang_after").order(deadline_seconds=5)
    handle = await system.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    recorded = await records_of(system, order)
    assert (recorded["provider"], recorded["reserve"], recorded["held"]) == ("taken_back", "undone", 0)


async def test_a_deadline_after_the_pivot_parks_and_an_operator_completes_the_order(system: System) -> None:
    order = Scenario("shipped", postcode="00001").order(deadline_seconds=8)
    handle = await system.start(order)
    await until_called(system, order, "carrier", "ship")
    async with blocked(system, "orders.orders"), asyncio.timeout(20):
        while (await system.state(handle)).status != "needs_attention":
            await asyncio.sleep(0.05)
    state = await system.state(handle)
    assert (state.current_step, [line.step for line in state.history if line.direction == "undo"]) == ("complete", [])

    decision = Resolve(step="complete", verb="retry", actor="ann", reason="the database answers again")
    await handle.execute_update("resolve", decision, result_type=CommandAccepted)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("completed", ())
    recorded = await records_of(system, order)
    assert (recorded["reserve"], recorded["parcel"], recorded["order"]) == ("settled", "taken", "completed")


async def test_a_deadline_during_an_undo_changes_nothing(skipping: Skipping) -> None:
    order = Scenario("undoing", token="tok_refund_flaky_5", postcode="00000").order(deadline_seconds=10)
    handle = await skipping.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.failed_step, result.undone) == ("compensated", "ship", ("charge", "reserve"))
    assert (result.reason or "").startswith("ship: ShipmentRefused")
    assert await seconds_taken(handle) >= 31


async def test_a_deadline_that_is_not_reached_changes_nothing(skipping: Skipping) -> None:
    handle = await skipping.start(Scenario("early", token="tok_flaky_3").order(deadline_seconds=30))
    result = await result_of(handle)

    assert result
    assert (result.status, await timers(handle)) == ("completed", 1)


async def test_an_order_has_no_deadline_by_default(skipping: Skipping) -> None:
    handle = await skipping.start(Scenario("patient", token="tok_flaky_3").order())
    result = await result_of(handle)

    assert result
    assert (result.status, await timers(handle)) == ("completed", 0)
