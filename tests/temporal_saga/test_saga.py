"""The guarantees of a saga run, whatever its steps do: `rig` skips time, `rig_now` uses the real clock."""

import asyncio
import uuid
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from tests.temporal_saga.rig import RigWorkflow, Scenario


async def run(rig: Any, **scripts: list[str]) -> tuple[str, dict[str, Any]]:
    plan = Scenario({name.replace("_", ":"): script for name, script in scripts.items()})
    process = f"s-{uuid.uuid4().hex[:12]}"
    result: dict[str, Any] = await rig.client.execute_workflow(RigWorkflow.run, plan, id=process, task_queue=rig.queue)
    return process, result


async def test_a_successful_saga_undoes_nothing(rig: Any) -> None:
    process, result = await run(rig)

    assert result["status"] == "completed"
    assert rig.world.order_of(process, "do") == ["a", "b", "p", "r"]
    assert rig.world.order_of(process, "undo") == []


@pytest.mark.parametrize(("failing", "undone"), [("a", []), ("b", ["a"]), ("p", ["b", "a"])])
async def test_a_refusal_is_not_retried_and_undoes_the_earlier_steps_in_reverse(
    rig: Any, failing: str, undone: list[str]
) -> None:
    process, result = await run(rig, **{f"{failing}_do": ["refuse"]})

    assert result["status"] == "compensated"
    assert rig.world.order_of(process, "do").count(failing) == 1
    assert rig.world.order_of(process, "undo") == undone == result["undone"]
    assert result["failure"] == "refused"


@pytest.mark.parametrize(("failing", "undone"), [("a", ["a"]), ("b", ["b", "a"]), ("p", ["p", "b", "a"])])
async def test_a_step_whose_retries_are_exhausted_is_undone_too(rig: Any, failing: str, undone: list[str]) -> None:
    process, result = await run(rig, **{f"{failing}_do": ["fail"]})

    assert result["status"] == "compensated"
    assert rig.world.order_of(process, "do").count(failing) == 4
    assert rig.world.order_of(process, "undo") == undone
    assert rig.world.effects[f"{process}:{failing}"] == "tombstone"


async def test_three_retries_come_after_one_two_and_four_seconds(rig: Any) -> None:
    handle = await rig.start({"b:do": ["fail", "fail", "fail", "ok"]})
    assert (await handle.result())["status"] == "completed"

    attempts, seconds = await attempts_and_delays(handle, "b")
    assert attempts == 4
    assert seconds >= 1 + 2 + 4


async def attempts_and_delays(handle: WorkflowHandle[Any, Any], step: str) -> tuple[int, float]:
    """Return the attempts of a step's do, and the seconds between its scheduling and its last start."""
    scheduled = {}
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            payload = event.activity_task_scheduled_event_attributes.input.payloads[0].data.decode()
            if f'"step":"{step}"' in payload.replace(" ", "") and '"direction":"do"' in payload.replace(" ", ""):
                scheduled[event.event_id] = event.event_time.ToMilliseconds()
        if event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            if started.scheduled_event_id in scheduled:
                waited = event.event_time.ToMilliseconds() - scheduled[started.scheduled_event_id]
                return started.attempt, waited / 1000
    raise AssertionError(step)


async def test_an_effect_whose_answer_is_lost_every_time_is_undone_by_its_key(rig_now: Any) -> None:
    process, result = await run(rig_now, b_do=["lose"])

    assert result["status"] == "compensated"
    assert result["failure"] == "unknown"
    assert rig_now.world.effects[f"{process}:b"] == "undone"
    assert rig_now.world.order_of(process, "undo") == ["b", "a"]


async def test_a_lost_answer_is_found_by_a_retry(rig_now: Any) -> None:
    process, result = await run(rig_now, b_do=["lose", "ok"])

    assert result["status"] == "completed"
    assert rig_now.world.effects[f"{process}:b"] == "done"


async def test_an_undo_has_more_attempts_than_its_do(rig: Any) -> None:
    process, result = await run(rig, p_do=["refuse"], b_undo=["fail"] * 5 + ["ok"])

    assert result["status"] == "compensated"
    assert rig.world.order_of(process, "undo") == ["b"] * 6 + ["a"]


async def until(handle: WorkflowHandle[Any, Any], status: str) -> dict[str, Any]:
    async with asyncio.timeout(90):
        while True:
            view: dict[str, Any] = await handle.query(RigWorkflow.view)
            if view["status"] == status:
                return view
            await asyncio.sleep(0.02)


async def test_an_undo_that_fails_permanently_is_parked_while_the_others_continue(rig: Any) -> None:
    handle = await rig.start({"p:do": ["refuse"], "b:undo": ["fail"] * 6 + ["ok"]})
    await rig.sleep(120)
    view = await until(handle, "needs_attention")

    assert view["parked"] == ["b"]
    assert view["at_risk"] == 11
    assert view["undone"] == ["a"]


@pytest.mark.parametrize(
    ("verb", "status", "effect"),
    [
        ("retry", "compensated", "undone"),
        ("edit", "compensated", "undone"),
        ("skip", "compensated", "done"),
        ("waive", "failed", "done"),
    ],
)
async def test_an_operator_resolves_a_parked_undo(rig: Any, verb: str, status: str, effect: str) -> None:
    script = ["fail"] if verb in {"edit", "skip", "waive"} else ["fail"] * 6 + ["ok"]
    handle = await rig.start({"p:do": ["refuse"], "b:undo": script})
    await rig.sleep(120)
    await until(handle, "needs_attention")
    if verb == "retry":
        rig.world.repaired.add(f"{handle.id}:b")

    assert await handle.execute_update(RigWorkflow.decide, ["a", verb]) == "a is not parked"
    assert "possible" in await handle.execute_update(RigWorkflow.decide, ["b", "unwind"])
    assert await handle.execute_update(RigWorkflow.decide, ["b", verb]) == "taken"
    result = await handle.result()

    assert result["status"] == status
    assert rig.world.effects[f"{handle.id}:b"] == effect
    assert ["resolve", "b", "completed", 1] in result["log"]


async def test_a_parked_step_is_retried_by_an_operators_decision(rig: Any) -> None:
    handle = await rig.start({"b:do": ["fail"]}, parks=True)
    await rig.sleep(30)
    await until(handle, "needs_attention")
    rig.world.repaired.add(f"{handle.id}:b")
    assert await handle.execute_update(RigWorkflow.decide, ["b", "retry"]) == "taken"

    assert (await handle.result())["status"] == "completed"


async def test_a_parked_step_is_unwound_by_an_operators_decision(rig: Any) -> None:
    handle = await rig.start({"b:do": ["fail"]}, parks=True)
    await rig.sleep(30)
    await until(handle, "needs_attention")
    assert await handle.execute_update(RigWorkflow.decide, ["b", "unwind"]) == "taken"
    result = await handle.result()

    assert (result["status"], result["undone"]) == ("compensated", ["b", "a"])


async def test_a_parked_step_can_be_cancelled(rig: Any) -> None:
    handle = await rig.start({"b:do": ["fail"]}, parks=True)
    await rig.sleep(30)
    await until(handle, "needs_attention")
    await handle.cancel()
    result = await handle.result()

    assert (result["status"], result["undone"], result["parked"]) == ("cancelled", ["b", "a"], [])


async def test_after_the_pivot_a_step_whose_retries_are_exhausted_waits_for_an_operator(rig: Any) -> None:
    handle = await rig.start({"r:do": ["fail"]})
    await rig.sleep(60)
    view = await until(handle, "needs_attention")
    assert (view["parked"], view["plan"]) == (["r"], [])
    rig.world.repaired.add(f"{handle.id}:r")
    assert "possible" in await handle.execute_update(RigWorkflow.decide, ["r", "unwind"])
    assert await handle.execute_update(RigWorkflow.decide, ["r", "retry"]) == "taken"

    assert (await handle.result())["status"] == "completed"


@pytest.mark.parametrize("how", ["native", "update"])
@pytest.mark.parametrize(("step", "undone"), [("a", ["a"]), ("b", ["b", "a"]), ("p", ["p", "b", "a"])])
async def test_a_cancel_while_a_step_runs_undoes_it_too(rig_now: Any, how: str, step: str, undone: list[str]) -> None:
    handle = await rig_now.start({f"{step}:do": ["lose"]})
    await rig_now.reached(handle.id, step)
    await cancel(handle, how)
    result = await handle.result()

    assert (result["status"], result["undone"]) == ("cancelled", undone)
    assert rig_now.world.effects[f"{handle.id}:{step}"] == "undone"


async def cancel(handle: WorkflowHandle[Any, Any], how: str) -> None:
    if how == "native":
        await handle.cancel()
    else:
        await handle.execute_update(RigWorkflow.stop, "changed my mind")


@pytest.mark.parametrize("how", ["native", "update"])
async def test_a_cancel_that_a_step_ignores_is_not_lost(rig_now: Any, how: str) -> None:
    handle = await rig_now.start({"a:do": ["stubborn"]})
    await rig_now.reached(handle.id, "a")
    await cancel(handle, how)
    result = await handle.result()

    assert (result["status"], result["undone"]) == ("cancelled", ["a"])
    assert rig_now.world.order_of(handle.id, "do") == ["a"]


@pytest.mark.parametrize("how", ["native", "update"])
async def test_a_cancel_while_the_pivot_succeeds_is_too_late(rig_now: Any, how: str) -> None:
    handle = await rig_now.start({"p:do": ["stubborn"]})
    await rig_now.reached(handle.id, "p")
    await cancel(handle, how)
    result = await handle.result()

    assert (result["status"], result["undone"]) == ("completed", [])


@pytest.mark.parametrize("how", ["native", "update"])
async def test_a_cancel_after_the_pivot_changes_nothing(rig_now: Any, how: str) -> None:
    handle = await rig_now.start({"r:do": ["stubborn"]})
    await rig_now.reached(handle.id, "r")
    await cancel(handle, how)
    result = await handle.result()

    assert (result["status"], result["undone"], result["stopped"]) == ("completed", [], None)


async def test_a_first_cancel_during_an_undo_does_not_interrupt_it(rig_now: Any) -> None:
    handle = await rig_now.start({"p:do": ["refuse"], "b:undo": ["stubborn"]})
    await rig_now.reached(handle.id, "b", "undo")
    await handle.cancel()
    result = await handle.result()

    assert (result["status"], result["undone"]) == ("compensated", ["b", "a"])
    assert rig_now.world.order_of(handle.id, "undo") == ["b", "a"]


async def test_a_cancel_before_the_first_workflow_task_leaves_no_effect(rig_now: Any) -> None:
    async with rig_now.without_worker():
        handle = await rig_now.start({})
        await handle.cancel()
    result = await handle.result()

    assert result["status"] == "cancelled"
    assert rig_now.world.order_of(handle.id, "do") == []
    assert rig_now.world.effects.get(f"{handle.id}:a") != "done"


async def test_the_deadline_undoes_before_the_pivot(rig_now: Any) -> None:
    handle = await rig_now.start({"b:do": ["hang"]}, deadline=6)
    result = await handle.result()

    assert (result["status"], result["stopped"], result["undone"]) == ("compensated", "deadline", ["b", "a"])


async def test_the_deadline_parks_after_the_pivot(rig_now: Any) -> None:
    handle = await rig_now.start({"r:do": ["hang"]}, deadline=15)
    view = await until(handle, "needs_attention")
    assert (view["parked"], view["statuses"]) == (["r"], ["running", "needs_attention"])
    assert rig_now.world.order_of(handle.id, "do").count("r") < 6  # not because its attempts are used up
    rig_now.world.repaired.add(f"{handle.id}:r")
    await handle.execute_update(RigWorkflow.decide, ["r", "retry"])

    assert (await handle.result())["status"] == "completed"


async def test_the_workflow_itself_ends_completed(rig: Any) -> None:
    handle = await rig.start({"p:do": ["refuse"]})
    await handle.result()

    assert (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED
