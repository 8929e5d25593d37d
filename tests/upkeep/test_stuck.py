"""The command `stuck` names each cause of a stuck process, and the command `deadletters` resolves dead letters."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.names import TASK_QUEUE, workflow_id
from models.order import Order
from models.recovery import Reconcile
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system, result_of
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, blocked, closed_as, reconcile, replace_body, starter, step_reached

pytestmark = [pytest.mark.server, pytest.mark.faults]


@workflow.defn(name="OrderWorkflow")
class Broken:
    """The workflow of a bad deployment."""

    @workflow.run
    async def run(self, _: Order) -> None:
        raise KeyError("the missing field")


async def named(system: System, process_id: str, cause: str) -> dict[str, Any]:
    """Wait until `stuck` reports this cause for a process, and return its entry."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            await is_found(system, process_id, cause)  # the Python API is faster than a command
            ran = await starter(system, "stuck", "--older-than", "0s", "--json")
            assert ran.code == 0, ran.err
            for each in ran.document["stuck"]:
                if (each["process_id"], each["cause"]) == (process_id, cause):
                    return dict(each)


async def is_found(system: System, process_id: str, cause: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            report = await system.orders.stuck(timedelta(0))
            if (process_id, cause) in [(each.process_id, each.cause) for each in report.stuck]:
                return
            await asyncio.sleep(0.1)


async def test_no_poller_and_then_a_failing_task(workerless: System) -> None:
    handle = await workerless.start(Scenario("stuck").order())

    found = await named(workerless, handle.id, "no_poller")
    assert found["help"] == "python worker.py"
    assert "task queue orders" in found["detail"]
    broken = Worker(
        workerless.client, task_queue=TASK_QUEUE, workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with broken:
        found = await named(workerless, handle.id, "task_failing")
    assert "the missing field" in found["detail"]
    assert found["since"] is not None
    await handle.terminate("by a test")


async def test_what_a_filter_hides_is_said(servers: Stack) -> None:
    async with open_system(servers) as system:
        for _ in range(3):
            await system.start(Scenario("young").order())
        await system.services.choreographed_orders.place(Scenario("young").order())
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while (await system.orders.stuck(timedelta(minutes=5))).younger < 4:
                await asyncio.sleep(0.1)

        young = await starter(system, "stuck")
        limited = await starter(system, "stuck", "--older-than", "0s", "--limit", "1", "--json")

    assert young.out == "no process older than 5m is stuck\n"
    assert young.err == "4 younger than 5m were not examined; --older-than 0s examines them, too\n"
    assert limited.document["not_examined"] == {"younger": 0, "beyond_limit": 2}
    assert "raise --limit" in limited.err
    keys = {"step", "direction", "failure", "help_command", "alternatives", "at_risk", "currency"}
    assert all(keys <= each.keys() for each in limited.document["stuck"])


async def test_a_retried_activity_is_named_with_its_attempt(impatient: System) -> None:
    handle = await impatient.start(Scenario("retried", token="tok_flaky_9").order())
    await step_reached(impatient, handle, "charge")

    found = await named(impatient, handle.id, "retrying")

    assert "charge_payment is retried, attempt" in found["detail"]
    assert " of 4" in found["detail"]
    assert "as if the network had failed" in found["detail"]
    assert found["help"].startswith("once the cause is gone: temporal activity reset --workflow-id order-retried")
    await result_of(handle)


async def test_a_parked_effect_is_named_and_listed_with_the_dead_letters(impatient: System) -> None:
    handle, order = await parked(impatient)

    found = await named(impatient, handle.id, "parked")
    listed = await starter(impatient, "deadletters", "list", "--json")

    assert found["help"] == f"python starter.py resolve {order.order_id} charge retry --reason 'cause fixed'"
    assert "charge (undo)" in found["detail"]
    effects = {effect["process_id"]: effect for effect in listed.document["parked"]}
    assert effects[handle.id]["help"] == found["help"]
    assert effects[handle.id]["at_risk"] == 4970
    # A recovery of the terminated order parks the effect again.
    await handle.terminate("by a test")
    await reconcile(impatient)
    recovery = impatient.client.get_workflow_handle(handle.id)
    await named(impatient, handle.id, "parked")
    decision = {"step": "charge", "verb": "waive", "actor": "ann", "reason": "a test"}
    await recovery.execute_update("resolve", decision)
    assert await closed_as(impatient, order.order_id) == "failed"


@pytest.mark.parametrize(("verb", "outcome"), [("skip", "compensated"), ("waive", "failed")])
async def test_an_effect_that_an_operator_resolved_is_not_undone_by_a_recovery(
    impatient: System, verb: str, outcome: str
) -> None:
    handle, order = await parked(impatient)
    count = "select count(*)::int from card_provider.calls where operation = 'refund' and key = %s"
    before = await impatient.one(count, f"{order.order_id}:charge")
    decision = {"step": "charge", "verb": verb, "actor": "ann", "reason": "by hand", "evidence": "statement 17"}
    async with blocked(impatient, "orders.orders"):
        await handle.execute_update("resolve", decision)
        await impatient.client.get_workflow_handle(handle.id).terminate("before it was closed")

    for _ in range(2):
        await reconcile(impatient)

    assert await closed_as(impatient, order.order_id) == outcome
    assert await impatient.one(count, f"{order.order_id}:charge") == before


async def parked(system: System) -> tuple[WorkflowHandle[Any, Any], Order]:
    order = Scenario("parked", token="tok_refund_fails", postcode="00000").order()
    handle = await system.start(order)
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await system.state(handle)).status != "needs_attention":
            await asyncio.sleep(0.1)
    return handle, order


async def test_a_lost_order_is_named_with_the_time_of_its_recovery(impatient: System) -> None:
    order = Scenario("gone").order()
    await schedule_reconciler(impatient.client, 3600)  # the first round runs at once, before the order exists
    try:
        await Orders(impatient.db).accept(order)
        found = await named(impatient, workflow_id(order.order_id), "gone")
    finally:
        await impatient.client.get_schedule_handle("reconcile-orders").delete()
    assert found["help"].startswith("temporal schedule trigger --schedule-id reconcile-orders --address")
    assert "the reconciler runs at" in found["detail"]
    found = await named(impatient, workflow_id(order.order_id), "gone")
    assert found["help"] == "python starter.py setup"
    assert (await starter(impatient, "stuck", "--older-than", "soon")).code == 2
    await reconcile(impatient)
    assert await closed_as(impatient, order.order_id) == "completed"


async def test_a_recovery_that_fails_is_a_dead_letter_until_it_is_redriven(impatient: System) -> None:
    order = Scenario("unclear", postcode="00003").order()
    handle = await impatient.start(order)
    await step_reached(impatient, handle, "ship")
    await handle.terminate("by a test")
    async with blocked(impatient, "carrier.entries"):
        await reconcile(impatient)
        letter = await the_letter(impatient, order)
        assert (await reconcile(impatient)).recovering == 0
        again = await starter(impatient, "deadletters", "redrive", str(letter), "--reason", "try", "--json")
        assert again.code == 3, again.err

    shown = await starter(impatient, "deadletters", "show", str(letter), "--json")
    assert [event["action"] for event in shown.document["audit"]] == ["died", "redriving", "returned"]
    assert shown.document["returned"] == 1
    assert Order.model_validate_json(shown.document["original"]) == order
    done = await starter(impatient, "deadletters", "redrive", str(letter), "--reason", "the carrier is back", "--json")
    assert done.code == 0, done.err
    assert await closed_as(impatient, order.order_id) == "compensated"


async def test_an_unreadable_order_is_redriven_after_its_repair_or_discarded(impatient: System) -> None:
    repaired, hopeless = Scenario("repaired").order(), Scenario("hopeless").order()
    for order in (repaired, hopeless):
        await Orders(impatient.db).accept(order)
        await replace_body(impatient, order, "{}")
    assert (await reconcile(impatient, Reconcile(grace_seconds=0))).dead == 2
    letters = [await the_letter(impatient, order) for order in (repaired, hopeless)]

    groups = (await starter(impatient, "deadletters", "list", "--json")).document["groups"]
    group = next(each for each in groups if letters[0] in each["letters"])
    assert group["letters"] == sorted(letters)
    stopped = await starter(
        impatient, "deadletters", "redrive", "--fingerprint", group["fingerprint"], "--reason", "try", "--json"
    )
    assert (stopped.code, len(stopped.document["outcomes"]), stopped.document["left"]) == (3, 1, 1)

    await replace_body(impatient, repaired, repaired.model_dump_json())
    redriven = await starter(impatient, "deadletters", "redrive", str(letters[0]), "--reason", "repaired", "--json")
    assert redriven.code == 0, redriven.err
    assert await closed_as(impatient, repaired.order_id) == "completed"
    assert (await starter(impatient, "deadletters", "discard", str(letters[1]))).code == 2
    gone = await starter(impatient, "deadletters", "discard", str(letters[1]), "--reason", "a test", "--actor", "ann")
    assert gone.code == 0, gone.err
    assert (await starter(impatient, "deadletters", "redrive", str(letters[1]), "--reason", "too late")).code == 6
    assert (await starter(impatient, "deadletters", "show", "999999")).code == 5
    await replace_body(impatient, hopeless, hopeless.model_dump_json())
    await result_of(await impatient.start(hopeless))


async def the_letter(system: System, order: Order) -> int:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            found = await system.one(
                "select letter_id from dead_letters.letters where channel = 'recovery' and message_id = %s",
                order.order_id,
            )
            if found is not None:
                return int(found)
            await asyncio.sleep(0.2)
