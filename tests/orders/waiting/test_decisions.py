"""A person's decision on what is parked: checked, taken once, and kept with the order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowUpdateFailedError

from models.commands import CommandAccepted, Resolve
from tests.conservation import assert_conserved
from tests.orders.skipping import Skipping, skipping_orders
from tests.orders.test_scenarios import books
from tests.orders.waiting.parking import decide, mend, parked, refusal
from tests.systems import System, result_of

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
async def skipping(system: System) -> AsyncIterator[Skipping]:
    async with skipping_orders(system) as skipping:
        yield skipping
    await assert_conserved(system.db)


async def test_the_audit_is_in_the_history_of_the_process(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    await decide(handle, "waive", actor="bo", reason="a voucher instead", evidence="ticket 17")
    await result_of(handle)
    state = await skipping.system.state(handle)

    [line] = [line for line in state.history if line.direction == "resolve"]
    assert (line.step, line.summary) == ("charge", "waive")
    assert line.result == {"actor": "bo", "reason": "a voucher instead", "evidence": "ticket 17"}
    assert [each.status for each in state.history if each.direction == "undo" and each.step == "charge"] == ["waived"]


async def test_decisions_that_cannot_be_taken_are_refused_with_the_reason(skipping: Skipping) -> None:
    order, handle = await parked(skipping)

    assert "reserve is not parked" in await refusal(handle, "retry", step="reserve")
    assert "nothing is not parked" in await refusal(handle, "retry", step="nothing")
    assert "possible are retry, edit, skip, waive" in await refusal(handle, "unwind")
    assert "edit needs the request" in await refusal(handle, "edit")
    assert "can't be edited" in await refusal(handle, "edit", request={"key": "other:charge"})
    assert "can't be edited" in await refusal(handle, "edit", request={"order_id": "other"})
    assert "request.amount" in await refusal(handle, "edit", request={"amount": 1})
    state = await skipping.system.state(handle)
    assert state.status == "needs_attention"
    assert not [line for line in state.history if line.direction == "resolve"]

    await mend(skipping, order)
    await decide(handle, "retry")
    await result_of(handle)
    assert (await books(skipping.system, order))["provider"] == "taken_back"


async def test_nobody_decides_without_a_name_and_a_reason(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    for missing in ("actor", "reason"):
        command = {"step": "charge", "verb": "waive", "actor": "ann", "reason": "because"} | {missing: ""}
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("resolve", command, result_type=CommandAccepted)

    assert (await skipping.system.state(handle)).status == "needs_attention"
    await decide(handle, "waive")
    await result_of(handle)


async def test_five_clicks_of_two_operators_are_one_decision(skipping: Skipping) -> None:
    order, handle = await parked(skipping)
    await mend(skipping, order)

    async def click(actor: str, number: int) -> bool:
        command = Resolve(step="charge", verb="retry", actor=actor, reason="mended")
        try:
            await handle.execute_update("resolve", command, id=f"{actor}-{number}", result_type=CommandAccepted)
        except WorkflowUpdateFailedError as error:
            if not any(said in str(error.cause) for said in ("not parked", "resolved already")):
                raise
            return False
        return True

    taken = await asyncio.gather(*(click(actor, number) for actor in ("ann", "bo") for number in range(5)))
    result = await result_of(handle)

    assert result
    assert (taken.count(True), result.status) == (1, "compensated")
    decisions = [line for line in (await skipping.system.state(handle)).history if line.direction == "resolve"]
    assert len(decisions) == 1


async def test_the_same_decision_sent_again_gets_the_same_answer(skipping: Skipping) -> None:
    _, handle = await parked(skipping)
    command = Resolve(step="charge", verb="waive", actor="ann", reason="written off")

    answers = [
        await handle.execute_update("resolve", command, id="ann-1", result_type=CommandAccepted),
        await handle.execute_update("resolve", command, id="ann-1", result_type=CommandAccepted),
    ]

    assert answers[0] == answers[1]
    result = await result_of(handle)
    assert result
    assert result.waived == ("charge",)
