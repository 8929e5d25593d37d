"""An undo that fails permanently is parked: one alert is sent, and the order waits for an operator's decision."""

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
from runtime.converter import DATA_CONVERTER
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.orders.skipping import Handle, Retries, Skipping, assert_retried, skipping_orders
from tests.orders.test_scenarios import records_of
from tests.orders.waiting.parking import LONGER_THAN_ANY_UNDO, TOTAL, allow_refund_of, decide, parked, refusal
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
    """Return the search attributes that the order's history set last."""
    values = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            for name, payload in fields.items():
                values[name] = DATA_CONVERTER.payload_converter.from_payload(payload)
    return values


async def test_a_do_is_retried_after_one_two_and_four_seconds(skipping: Skipping) -> None:
    order = Scenario("outlives", token="tok_flaky_4").order()
    handle = await skipping.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone) == ("compensated", ("charge", "reserve"))
    await assert_retried(handle, "charge_payment", Retries(1, 2.0, 30, 4, attempts=4), seconds=1 + 2 + 4)


async def test_a_refund_that_recovers_is_not_parked(skipping: Skipping) -> None:
    order = Scenario("recovers", token="tok_refund_flaky_5", postcode="00000").order()
    handle = await skipping.start(order)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("charge", "reserve"), ())
    await assert_retried(handle, "refund_payment", Retries(1, 2.0, 30, 8, attempts=6), seconds=1 + 2 + 4 + 8 + 16)
    assert await alerts(skipping, order) == []


async def test_an_undo_that_fails_permanently_is_parked_and_the_others_run_in_order(skipping: Skipping) -> None:
    order, handle = await parked(skipping, Scenario("gone", token="tok_refund_fails", postcode="00009"))
    state = await skipping.system.state(handle)

    undos = [(line.step, line.status) for line in state.history if line.direction == "undo"]
    assert undos == [("ship", "completed"), ("charge", "parked"), ("reserve", "completed")]
    assert state.current_step == "charge"
    await assert_retried(handle, "refund_payment", Retries(1, 2.0, 30, 8, 8), seconds=1 + 2 + 4 + 8 + 16 + 30 + 30)
    assert await shown(handle) == {"OrderStatus": "needs_attention", "AmountAtRisk": TOTAL}
    recorded = await records_of(skipping.system, order)
    assert (recorded["reserve"], recorded["parcel"], recorded["provider"]) == ("undone", "void", "taken")
    await decide(handle, "waive")
    await result_of(handle)


async def test_each_parked_effect_sends_one_alert(skipping: Skipping) -> None:
    with structlog.testing.capture_logs() as logged:
        order, handle = await parked(skipping)
        await skipping.skip_time(3600)

    lines = [line for line in logged if line.get("order_id") == order.order_id and line["event"] == "needs attention"]
    assert [(line["step"], line["at_risk"]) for line in lines] == [("charge", TOTAL)]
    assert await alerts(skipping, order) == [(f"{order.order_id}:charge:undo:0", "charge", "undo", TOTAL)]
    await decide(handle, "waive")
    await result_of(handle)


async def test_retry_parks_again_while_the_refund_fails_and_then_compensates(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    assert (await decide(handle, "retry")).status in {"needs_attention", "compensating"}
    await skipping.until(handle, "compensating")
    await skipping.skip_time(LONGER_THAN_ANY_UNDO)
    await skipping.until(handle, "needs_attention")
    assert [key for key, *_ in await alerts(skipping, order)] == [
        f"{order.order_id}:charge:undo:0",
        f"{order.order_id}:charge:undo:1",
    ]

    await allow_refund_of(skipping, order)
    await decide(handle, "retry")
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("reserve", "charge"), ())
    assert await shown(handle) == {"OrderStatus": "compensated", "AmountAtRisk": 0}
    recorded = await records_of(skipping.system, order)
    assert (recorded["provider"], recorded["held"], recorded["order"]) == ("taken_back", 0, "compensated")


async def test_skip_needs_evidence_that_the_effect_was_settled_by_hand(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    assert "needs evidence" in await refusal(handle, "skip")

    await allow_refund_of(skipping, order)
    by_hand = RefundPayment(key=f"{order.order_id}:charge", order_id=order.order_id)
    refunded = await skipping.system.services.payments.refund(by_hand)
    await decide(handle, "skip", evidence=refunded.refund_id)
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("compensated", ("reserve",), ())


async def test_waive_ends_the_order_as_failed_and_names_the_open_effect(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    await decide(handle, "waive", actor="bo", reason="customer keeps a voucher")
    result = await result_of(handle)

    assert result
    assert (result.status, result.undone, result.waived) == ("failed", ("reserve",), ("charge",))
    recorded = await records_of(skipping.system, order)
    assert (recorded["provider"], recorded["held"], recorded["order"]) == ("taken", TOTAL, "failed")


async def test_an_order_with_an_open_effect_never_ends_without_a_decision(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    await skipping.skip_time(30 * 24 * 3600)

    assert (await skipping.system.state(handle)).status == "needs_attention"
    assert (await handle.describe()).close_time is None
    await decide(handle, "waive")
    await result_of(handle)


async def test_a_cancel_does_not_end_a_parked_undo(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("cancel_order", CancelOrder(reason="no"), result_type=CommandAccepted)
    assert "compensation has already started" in str(caught.value.cause)
    await handle.cancel()
    await skipping.skip_time(60)
    assert (await skipping.system.state(handle)).status == "needs_attention"

    await decide(handle, "waive")
    result = await result_of(handle)

    assert result
    assert (result.status, result.waived) == ("failed", ("charge",))


async def test_a_step_that_fails_after_the_pivot_is_parked_and_completed_with_an_edited_request(
    skipping: Skipping,
) -> None:
    order = Scenario("forward", postcode="00001").order()
    handle = await skipping.start(order)
    query = "select 1 from carrier.calls where key = %s"
    async with asyncio.timeout(20):
        while not await skipping.system.one(query, f"{order.order_id}:ship"):
            await asyncio.sleep(0.01)
    # The order is closed manually, so that it can't be completed.
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
