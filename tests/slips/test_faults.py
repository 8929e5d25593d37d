"""Failures at each stop, cancels, deadlines, and undos that an operator must resolve."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from models.commands import Resolve, UndoPlan
from models.slips.slip import CancelSlip, Review, RoutingSlip, Stop
from tests.slips.conftest import lines, receipts, refused, result_of, start, state_of, until, update, waiting
from tests.slips.slips import slip, stop
from tests.systems import System

pytestmark = pytest.mark.server
TOO_MANY = ({"sku": "SKU-RARE", "quantity": 1000},)

FAULTS: dict[str, tuple[RoutingSlip, tuple[str, ...]]] = {
    "price": (slip(stop("price", total=1), "reserve", "charge", "wrap", "ship"), ()),
    "reserve": (slip("price", stop("reserve", lines=[*TOO_MANY]), "charge"), ()),
    "charge": (slip("price", "reserve", "wrap", "charge", token="tok_declined"), ("wrap", "reserve")),
    "wrap": (slip("price", "reserve", "charge", stop("wrap", paper="gold"), "ship"), ("charge", "reserve")),
    "ship": (slip("price", "charge", "reserve", "wrap", "ship", postcode="00000"), ("wrap", "reserve", "charge")),
}


@pytest.mark.parametrize("failed", FAULTS)
async def test_a_failure_undoes_the_earlier_stops_in_reverse(system: System, failed: str) -> None:
    slip_, undone = FAULTS[failed]

    handle = await start(system, slip_)
    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", failed, undone)
    assert set((await receipts(system, slip_.slip_id)).values()) <= {"undone", "refused"}
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED


async def test_a_lost_answer_is_found_again(system: System) -> None:
    result = await result_of(await start(system, slip("price", "charge", token="tok_hang_after")))

    assert result is not None
    assert result.status == "completed"


@pytest.mark.parametrize("native", [True, False], ids=["natively", "by update"])
async def test_a_cancelled_slip_is_undone_and_ends_as_cancelled(system: System, native: bool) -> None:
    handle = await start(system, slip_ := slip("price", "charge", "reserve", "hold"))
    await waiting(handle)

    if native:
        await handle.cancel()
    else:
        plan = await handle.query("undo_plan", result_type=UndoPlan)
        assert [(undo.step, undo.at_risk) for undo in plan.steps] == [("reserve", 0), ("charge", 2980)]
        stale = CancelSlip(reason="no", actor="ann", plan="another")
        assert "has changed" in await refused(handle, "cancel_slip", stale)
        await update(handle, "cancel_slip", CancelSlip(reason="no", actor="ann", plan=plan.hash))

    assert await result_of(handle) is None
    assert lines(await state_of(handle), "undo") == ["reserve", "charge"]
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert await system.one("select status from slips.slips where slip_id = %s", slip_.slip_id) == "cancelled"


async def test_a_slip_that_waits_too_long_is_undone(system: System) -> None:
    result = await result_of(await start(system, slip("price", "reserve", "hold", deadline_seconds=5)))

    assert result is not None
    assert (result.status, result.undone) == ("compensated", ("reserve",))
    assert (result.reason or "").startswith("deadline")


async def test_a_review_without_a_decision_in_time_fails(system: System) -> None:
    result = await result_of(await start(system, slip("price", "reserve", stop("hold", within_seconds=1))))

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "hold", ("reserve",))


async def test_an_answer_that_does_not_fit_a_later_stop_fails_that_stop(system: System) -> None:
    asked = stop("hold-2", question={"$var": "hold.reason"})
    handle = await start(system, slip("price", "reserve", "hold", asked))
    await waiting(handle)

    await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="a word " * 60))
    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "hold-2", ("reserve",))
    assert "at most 200 characters" in (result.reason or "")


@pytest.mark.parametrize(
    "bad",
    [stop("hold", within_seconds=10**15), stop("release", until="9999-12-31T23:59:59-23:59")],
    ids=["hold", "release"],
)
async def test_a_time_beyond_every_calendar_ends_the_slip_before_its_first_stop(system: System, bad: Stop) -> None:
    handle = await start(system, slip("price", "reserve", bad))

    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "InvalidInput"


async def test_a_release_is_shown_in_utc(system: System) -> None:
    handle = await start(system, slip(stop("release", until="2099-01-01T07:43:00+05:30")))

    shown = [line.summary for line in (await waiting(handle)).history if line.step == "release"]

    assert shown == ["wait until 2099-01-01 02:13 UTC"]
    await update(handle, "cancel_slip", CancelSlip(reason="seen", actor="ann"))


async def test_an_undo_that_fails_permanently_waits_for_an_operator(system: System) -> None:
    handle = await start(system, slip_ := slip("price", "charge", "reserve", "hold"))
    await waiting(handle)
    await set_receipt(system, slip_, "settled")  # so that the refund, which is not the first undo, is refused

    await update(handle, "cancel_slip", CancelSlip(reason="no", actor="ann"))
    state = await until(handle, lambda state: state.status == "needs_attention" and "reserve" in lines(state, "undo"))

    assert state.current_step == "charge"
    assert await system.one("select at_risk from operators.alerts where order_id = %s", f"slip.{slip_.slip_id}") == 2980
    assert "skip needs evidence" in await refused(
        handle, "resolve", Resolve(step="charge", verb="skip", actor="ann", reason="by hand")
    )
    await set_receipt(system, slip_, "done")
    await update(handle, "resolve", Resolve(step="charge", verb="waive", actor="ann", reason="too small to chase"))
    result = await result_of(handle)
    assert result is not None
    assert (result.status, result.waived, result.undone) == ("failed", ("charge",), ("reserve",))


async def set_receipt(system: System, slip: RoutingSlip, status: str) -> None:
    query = b"update payments.receipts set status = %(status)s where key = %(key)s"
    await system.db.rows(query, {"status": status, "key": f"slip.{slip.slip_id}:charge"})


async def test_a_slip_with_another_workflow_id_is_refused_before_its_first_stop(system: System) -> None:
    slip_ = slip("price")
    handle = await system.client.start_workflow(
        "RoutingSlipWorkflow", slip_, id=f"other-{slip_.slip_id}", task_queue="orders"
    )

    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "InvalidInput"


async def test_another_slip_of_the_same_id_changes_nothing(system: System) -> None:
    first, second = slip("price", "charge"), slip("price", "charge", "wrap")
    await result_of(await start(system, first))

    handle = await start(system, second.model_copy(update={"slip_id": first.slip_id}))
    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "accept", ())
    assert await receipts(system, first.slip_id) == {"charge": "settled"}
    assert await system.one("select status from slips.slips where slip_id = %s", first.slip_id) == "completed"


async def test_the_same_slip_again_has_the_same_effects(system: System) -> None:
    slip_ = slip("price", "reserve", "charge")
    first, again = await result_of(await start(system, slip_)), await result_of(await start(system, slip_))

    assert first is not None
    assert again is not None
    assert first.answers == again.answers
    assert await system.one("select count(*) from payments.ledger where key = %s", f"slip.{slip_.slip_id}:charge") == 2
