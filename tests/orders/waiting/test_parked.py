"""What can't be undone waits for a person, who is told once, and whose decision is checked, taken once and kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from models.activities.payments import RefundPayment
from models.commands import CancelOrder, CommandAccepted
from models.order import Order
from providers.simulated.card_provider import SimulatedCardProvider
from runtime.converter import DATA_CONVERTER
from services.payments.payments import Payments
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.orders.skipping import Handle, Skipping, Tried, skipping_orders, tried
from tests.orders.test_scenarios import books
from tests.orders.waiting.parking import LONGER_THAN_ANY_UNDO, TOTAL, decide, mend, parked, refusal
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
async def skipping(system: System) -> AsyncIterator[Skipping]:
    async with skipping_orders(system) as skipping:
        yield skipping
    await assert_conserved(system.db)


async def alerts(skipping: Skipping, order: Order) -> list[tuple[Any, ...]]:
    query = b"select key, step, direction, at_risk from operators.alerts where order_id = %(id)s order by raised_at"
    return [tuple(row) for row in await skipping.system.db.rows(query, {"id": order.order_id})]


async def shown(handle: Handle) -> dict[str, Any]:
    """Return the order's search attributes, as its history last set them."""
    values = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            for name, payload in fields.items():
                values[name] = DATA_CONVERTER.payload_converter.from_payload(payload)
    return values


async def test_a_do_is_tried_after_one_two_and_four_seconds(skipping: Skipping) -> None:
    order = Scenario("outlives", token="tok_flaky_4").order()
    handle = await skipping.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    assert await tried(handle, "charge_payment") == Tried(1, 2.0, 30, 4, attempts=4, seconds=1 + 2 + 4)


async def test_a_refund_that_recovers_needs_nobody(skipping: Skipping) -> None:
    order = Scenario("recovers", token="tok_refund_flaky_5", postcode="00000").order()
    handle = await skipping.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("charge", "reserve"), ())
    assert await tried(handle, "refund_payment") == Tried(1, 2.0, 30, 8, attempts=6, seconds=1 + 2 + 4 + 8 + 16)
    assert await alerts(skipping, order) == []


async def test_an_undo_that_fails_for_good_is_parked_and_the_others_run_in_order(skipping: Skipping) -> None:
    order, handle = await parked(skipping, Scenario("gone", token="tok_refund_fails", postcode="00009"))
    state = await skipping.system.state(handle)

    undos = [(line.step, line.status) for line in state.history if line.direction == "undo"]
    assert undos == [("ship", "completed"), ("charge", "parked"), ("reserve", "completed")]
    assert state.current_step == "charge"
    assert await tried(handle, "refund_payment") == Tried(1, 2.0, 30, 8, 8, seconds=1 + 2 + 4 + 8 + 16 + 30 + 30)
    assert await shown(handle) == {"OrderStatus": "needs_attention", "AmountAtRisk": TOTAL}
    ours = await books(skipping.system, order)
    assert (ours["reserve"], ours["parcel"], ours["provider"]) == ("undone", "void", "taken")
    await decide(handle, "waive")
    await result_of(handle)


async def test_people_are_told_once_of_each_parked_effect(skipping: Skipping) -> None:
    with structlog.testing.capture_logs() as logged:
        order, handle = await parked(skipping)
        await skipping.pass_by(3600)

    lines = [line for line in logged if line.get("order_id") == order.order_id and line["event"] == "needs attention"]
    assert [(line["step"], line["at_risk"]) for line in lines] == [("charge", TOTAL)]
    assert await alerts(skipping, order) == [(f"{order.order_id}:charge:undo:0", "charge", "undo", TOTAL)]
    await decide(handle, "waive")
    await result_of(handle)


async def test_retry_parks_again_while_it_still_fails_and_compensates_once_mended(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    assert (await decide(handle, "retry")).status in {"needs_attention", "compensating"}
    await skipping.until(handle, "compensating")
    await skipping.pass_by(LONGER_THAN_ANY_UNDO)
    await skipping.until(handle, "needs_attention")
    assert [key for key, *_ in await alerts(skipping, order)] == [
        f"{order.order_id}:charge:undo:0",
        f"{order.order_id}:charge:undo:1",
    ]

    await mend(skipping, order)
    await decide(handle, "retry")
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("reserve", "charge"), ())
    assert await shown(handle) == {"OrderStatus": "compensated", "AmountAtRisk": 0}
    ours = await books(skipping.system, order)
    assert (ours["provider"], ours["held"], ours["order"]) == ("taken_back", 0, "compensated")


async def test_skip_needs_evidence_that_it_was_settled_by_hand(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    assert "needs evidence" in await refusal(handle, "skip")

    await mend(skipping, order)
    by_hand = RefundPayment(key=f"{order.order_id}:charge", order_id=order.order_id)
    refunded = await Payments(skipping.system.db, SimulatedCardProvider(skipping.system.db)).refund(by_hand)
    await decide(handle, "skip", evidence=refunded.refund_id)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("reserve",), ())


async def test_waive_ends_failed_and_names_what_stays_open(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    await decide(handle, "waive", actor="bo", reason="customer keeps a voucher")
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("failed", ("reserve",), ("charge",))
    ours = await books(skipping.system, order)
    assert (ours["provider"], ours["held"], ours["order"]) == ("taken", TOTAL, "failed")


async def test_an_order_with_an_open_effect_never_ends_by_itself(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    await skipping.pass_by(30 * 24 * 3600)

    assert (await skipping.system.state(handle)).status == "needs_attention"
    assert (await handle.describe()).close_time is None
    await decide(handle, "waive")
    await result_of(handle)


async def test_a_cancel_while_an_undo_is_parked_neither_ends_nor_frees_it(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("cancel_order", CancelOrder(reason="no"), result_type=CommandAccepted)
    assert "compensation has already started" in str(caught.value.cause)
    await handle.cancel()
    await skipping.pass_by(60)
    assert (await skipping.system.state(handle)).status == "needs_attention"

    await decide(handle, "waive")
    result = await result_of(handle)

    assert result
    assert (result.status, result.waived) == ("failed", ("charge",))


async def test_what_gives_up_after_the_pivot_waits_and_goes_forward_as_edited(skipping: Skipping) -> None:
    order = Scenario("forward", postcode="00001").order()
    handle = await skipping.start(order)
    asked = "select 1 from carrier.calls where key = %s"
    async with asyncio.timeout(20):
        while not await skipping.system.one(asked, f"{order.order_id}:ship"):
            await asyncio.sleep(0.01)
    # Somebody closes the order by hand, so that it can't be completed.
    closing = b"update orders.orders set status = %(status)s, closed_at = %(at)s where order_id = %(id)s returning 1"
    await skipping.run_sql(closing, status="failed", at="now", id=order.order_id)
    await skipping.until(handle, "needs_attention")

    assert "possible are retry, edit, skip, waive" in await refusal(handle, "unwind", step="complete")
    assert "request.outcome" in await refusal(handle, "edit", step="complete", request={"outcome": "nonsense"})
    assert "request.nothing" in await refusal(handle, "edit", step="complete", request={"nothing": 1})
    await skipping.run_sql(closing, status="pending", at=None, id=order.order_id)
    await decide(handle, "edit", step="complete", request={"reason": "reopened by hand"})
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("completed", ())
    reason = "select reason from orders.orders where order_id = %s"
    assert await skipping.system.one(reason, order.order_id) == "reopened by hand"
