"""Orders that wait for external events: early, in time, repeated, contradicting, late and invalid ones."""

import asyncio
from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from client.commands import deliver
from models.activities.payments import BookTransfer
from models.commands import CancelOrder, CommandAccepted, UndoPlan
from models.errors import AlreadyUndone, Conflict
from models.external_events import EventAccepted, ExternalEvent
from models.money import Money
from models.names import STATUS_ATTRIBUTE, key
from models.process import OrderResult, Status
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import blocked, until_blocked
from tests.orders.moments.test_cancel_everywhere import until_recorded
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import TOTAL, early, failed, ledger, settled, transfer_order, until, waiting
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("conserved")]

COMPLETED = ("completed", None, (), ("charge settle", "settled"))
COMPENSATED = ("compensated", "charge", ("charge", "reserve"), ("", "void"))


@pytest.fixture(scope="module", autouse=True)
async def at_rest(system: System) -> AsyncIterator[None]:
    """Check conservation after the module's tests, when no order is in flight."""
    yield
    await assert_conserved(system.db)


async def accepted_or_refused(handle: WorkflowHandle[Any, OrderResult], event: ExternalEvent) -> EventAccepted | str:
    try:
        return await deliver(handle, event)
    except Conflict as refused:
        return str(refused)
    except RPCError:
        return "ended"


@pytest.mark.parametrize("mode", ["early", "in time", "all at once"])
async def test_in_any_order_of_events_the_first_one_decides(system: System, mode: str) -> None:
    runs = sorted(set(permutations(["settled", "settled", "failed", "failed"])))

    async def run(names: tuple[str, ...]) -> None:
        events = [settled() if name == "settled" else failed() for name in names]
        order = transfer_order("permuted")
        handle = await early(system, order, events[0]) if mode == "early" else await waiting(system, order)
        if mode == "all at once":
            answers = await asyncio.gather(*(accepted_or_refused(handle, event) for event in events))
        else:
            answers = [await accepted_or_refused(handle, event) for event in events]
        # The accepted event decides; of concurrent events, the first that the server delivers.
        (taken,) = {answer for answer in answers if isinstance(answer, EventAccepted)}
        assert mode == "all at once" or taken.type == f"payment_{names[0]}"
        assert all(
            (answer == taken) == (event.type == taken.type) for answer, event in zip(answers, events, strict=True)
        )
        result = await result_of(handle)
        assert result
        ending = (result.status, result.failed_step, result.undone, await ledger(system, order))
        assert ending == (COMPLETED if taken.effect == "settles" else COMPENSATED)

    await asyncio.gather(*(run(names) for names in runs))


async def test_an_event_without_an_amount_means_the_whole_amount(system: System) -> None:
    order = transfer_order("whole")
    handle = await waiting(system, order)

    answer = await deliver(handle, settled(amount=None))

    assert answer.model_dump() == {
        "order_id": order.order_id,
        "event_id": "e-1",
        "type": "payment_settled",
        "step": "charge",
        "effect": "settles",
    }
    assert await result_of(handle)
    state = await system.state(handle)
    lines = [(line.step, line.direction, line.status) for line in state.history if line.step == "charge"]
    assert lines == [("charge", d, "completed") for d in ("do", "wait", "event", "settle")]


async def test_the_search_attribute_shows_that_an_order_waits_and_has_ended(system: System) -> None:
    handle = await waiting(system, transfer_order("attribute"))
    attribute = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)
    waits = (await handle.describe()).typed_search_attributes.get(attribute)
    await deliver(handle, settled())
    await result_of(handle)

    assert waits == "waiting"
    assert (await handle.describe()).typed_search_attributes.get(attribute) == "completed"


@pytest.mark.parametrize("deadline", [1])
async def test_a_missing_transfer_undoes_the_order_and_a_late_one_is_refused(system: System, deadline: int) -> None:
    order = transfer_order("never", deadline)
    handle = await system.start(order)

    result = await result_of(handle)

    assert result
    assert (result.status, result.failed_step, result.undone) == ("compensated", "charge", ("charge", "reserve"))
    assert result.reason == "charge: NoEvent: no event came in time"
    assert await ledger(system, order) == ("", "void")
    assert await accepted_or_refused(handle, settled()) == "ended"
    money = Money(amount=TOTAL, currency="EUR")
    late = BookTransfer(
        key=key(order.order_id, "charge"),
        order_id=order.order_id,
        amount=money,
        reference="ref_1",
        paid=money,
        event_id="e-1",
    )
    with pytest.raises(AlreadyUndone):
        await system.services.transfers.book(late)


async def test_a_cancel_ends_the_wait_and_moves_no_money(system: System) -> None:
    order = transfer_order("cancelled")
    handle = await waiting(system, order)
    plan = await handle.query("undo_plan", result_type=UndoPlan)

    await handle.execute_update("cancel_order", CancelOrder(reason="changed my mind"), result_type=CommandAccepted)
    await result_of(handle)

    assert [(step.step, step.at_risk) for step in plan.steps] == [("charge", 0), ("reserve", 0)]
    assert (await system.state(handle)).status == "cancelled"
    assert await ledger(system, order) == ("", "void")


async def test_a_cancel_that_the_step_before_the_wait_ignores_is_not_lost(system: System) -> None:
    order = transfer_order("swallowed")
    # The expected transfer waits in the database, and is recorded although the order was cancelled.
    async with blocked(system, "payments.transfers"):
        handle = await system.start(order)
        await until_blocked(system)
        await handle.cancel()
        await until_recorded(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)

    async with asyncio.timeout(20):
        assert await result_of(handle) is None
    lines = [(line.step, line.direction) for line in (await system.state(handle)).history]
    assert ("charge", "wait") not in lines
    assert await ledger(system, order) == ("", "void")


async def test_an_early_transfer_is_returned_when_the_stock_is_rejected(system: System) -> None:
    order = transfer_order("unfillable", lines=(("SKU-1", 1), ("SKU-RARE", 2)))
    handle = await early(system, order, settled(amount=None))

    result = await result_of(handle)

    assert result
    assert (result.status, result.failed_step, result.undone) == ("compensated", "reserve", ("charge",))
    assert await ledger(system, order) == ("charge refund", "returned")


async def test_a_transfer_is_returned_when_the_carrier_refuses(system: System) -> None:
    order = transfer_order("refused", postcode="00000")
    handle = await waiting(system, order)
    await deliver(handle, settled())

    result = await result_of(handle)

    assert result
    assert (result.status, result.failed_step, result.undone) == ("compensated", "ship", ("charge", "reserve"))
    assert await ledger(system, order) == ("charge refund", "returned")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ExternalEvent(event_id="e-1", type="lunch_served", payload={}), "unknown event type 'lunch_served'"),
        (settled(amount=TOTAL - 1), "payload.amount: 49.69 EUR is not the 49.70 EUR that was asked for"),
        (ExternalEvent(event_id="e-1", type="payment_settled", payload={"amount": "all"}), "payload.amount: "),
        (ExternalEvent(event_id="e-1", type="payment_failed", payload={"colour": 1}), "payload.colour: "),
    ],
)
async def test_an_invalid_event_is_refused_and_the_order_continues_to_wait(
    system: System, event: ExternalEvent, reason: str
) -> None:
    handle = await waiting(system, transfer_order("strange"))

    with pytest.raises(Conflict) as refused:
        await deliver(handle, event)

    assert str(refused.value).startswith(f"event refused: {reason}")
    assert (await system.state(handle)).status == "waiting"
    await deliver(handle, settled())
    await result_of(handle)


async def test_an_early_event_with_the_wrong_amount_is_refused_once_the_price_is_known(system: System) -> None:
    order = transfer_order("early-strange")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await early(system, order, settled(amount=1))

    assert "0.01 EUR is not the 49.70 EUR" in str(refused.value.cause)
    handle = system.client.get_workflow_handle(f"order-{order.order_id}", result_type=OrderResult)
    await until(system, handle, Status.WAITING)
    await deliver(handle, failed())
    await result_of(handle)


async def test_the_same_event_id_with_another_event_is_refused(system: System) -> None:
    handle = await waiting(system, transfer_order("reused", postcode="00002"))
    await deliver(handle, settled("e-7"))

    with pytest.raises(Conflict, match="event id e-7 belongs to another event"):
        await deliver(handle, failed("e-7"))
    # With another update id, the order itself recognizes the event id.
    again = await handle.execute_update("deliver_event", settled("e-7"), id="mine", result_type=EventAccepted)
    assert again == await deliver(handle, settled("e-7"))
    await result_of(handle)


async def test_an_order_paid_by_card_accepts_no_event(system: System) -> None:
    handle = await system.start(Scenario("card", token="tok_flaky_1").order())

    with pytest.raises(Conflict, match="paid by card and accepts no event"):
        await deliver(handle, settled())
    assert await result_of(handle)


@pytest.mark.parametrize("payment", ["card", "transfer"])
async def test_twenty_concurrent_starts_are_one_process_with_one_answer(system: System, payment: str) -> None:
    order = Scenario("twenty").order() if payment == "card" else transfer_order("twenty")

    placed = await asyncio.gather(*(system.orders.place(order) for _ in range(20)))

    handles = [each.run.handle for each in placed]
    if payment == "transfer":
        answers = await asyncio.gather(*(deliver(handle, settled()) for handle in handles))
        assert answers == [answers[0]] * 20
    results = await asyncio.gather(*(handle.result() for handle in handles))
    assert results == [results[0]] * 20
    assert results[0].status == "completed"
    assert [each.again for each in placed].count(False) == 1
