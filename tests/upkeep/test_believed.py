"""A recovery believes nothing of its input, and its activities act only for the process whose workflow calls them."""

import asyncio
import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ActivityFailureError, WorkflowFailureError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.testing import ActivityEnvironment

from activities.operators import OperatorActivities
from activities.process_types import order_type, slip_type
from activities.recovering import RecoveringActivities
from models.activities.operators import Alert
from models.errors import Conflict, InvalidInput, NotAccepted
from models.names import (
    ALERT_WORKFLOW,
    ORDER_WORKFLOW,
    RECONCILER_WORKFLOW,
    RECOVERY_WORKFLOW,
    SLIP_RECOVERY_WORKFLOW,
    SLIP_WORKFLOW,
    TASK_QUEUE,
    workflow_id,
)
from models.order import Order
from models.process import OrderResult, Status
from models.recovery import FailedRecovery, RecoverProcess
from tests.choreography.conftest import until_ended
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of
from tests.upkeep.conftest import closed_as, step_reached

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def forge(system: System, kind: str, argument: object, workflow: str) -> Any:
    """Start a recovery as any client of the namespace can."""
    return await system.client.start_workflow(kind, argument, id=workflow, task_queue=TASK_QUEUE)


def forged(order: Order) -> dict[str, Any]:
    """Return the input that an older version of the workflow believed."""
    resolved = {"ship": "waive", "charge": "waive", "reserve": "skip"}
    document = order.model_dump(mode="json")
    return {
        "order": document,
        "total": {"amount": 1, "currency": "EUR"},
        "cause": "forged",
        "resolved": resolved,
        "event": None,
    }


async def test_a_forged_order_total_and_decision_are_not_believed(kept: System) -> None:
    order = Scenario("forged", postcode="00003").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "ship")
    await handle.terminate("by a test")

    other = order.model_copy(update={"customer_id": "mallory"})
    await forge(kept, RECOVERY_WORKFLOW, forged(other), handle.id)

    assert await closed_as(kept, order.order_id) == "compensated"
    result = await result_of(kept.client.get_workflow_handle(handle.id, result_type=OrderResult))
    assert result is not None
    assert (result.undone, result.waived) == (("ship", "charge", "reserve"), ())
    assert result.total is not None
    assert result.total.amount == 4970
    assert result.reason == "workflow: Lost: its workflow was terminated"


async def test_a_run_id_of_another_workflow_adds_nothing(kept: System) -> None:
    other = await kept.start(Scenario("other").order())
    await other.result()
    order = Scenario("forged-run", postcode="00003").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "ship")
    await handle.terminate("by a test")

    task = RecoverProcess(process_id=order.order_id, run_id=other.first_execution_run_id)
    await forge(kept, RECOVERY_WORKFLOW, task, handle.id)

    assert await closed_as(kept, order.order_id) == "compensated"


async def test_a_running_order_can_not_be_recovered(kept: System) -> None:
    order = Scenario("running", token="tok_flaky_2").order()
    handle = await kept.start(order)
    task = RecoverProcess(process_id=order.order_id)

    with pytest.raises(WorkflowAlreadyStartedError):
        await forge(kept, RECOVERY_WORKFLOW, task, handle.id)
    for workflow in (f"mine-{uuid.uuid4().hex}", workflow_id(f"{order.order_id}-2")):
        with pytest.raises(WorkflowFailureError) as caught:
            await (await forge(kept, RECOVERY_WORKFLOW, task, workflow)).result()
        assert "the workflow id must be" in str(caught.value.cause)

    assert (await handle.result()).status is Status.COMPLETED


async def test_a_completed_order_is_returned_as_it_ended(kept: System) -> None:
    order = Scenario("completed").order()
    handle = await kept.start(order)
    await handle.result()

    recovery = await forge(kept, RECOVERY_WORKFLOW, RecoverProcess(process_id=order.order_id), handle.id)

    assert (await recovery.result())["status"] == "completed"
    assert (
        await kept.one("select status from payments.receipts where key = %s", f"{order.order_id}:charge") == "settled"
    )


@pytest.mark.parametrize(("kind", "prefix"), [(RECOVERY_WORKFLOW, "order-"), (SLIP_RECOVERY_WORKFLOW, "slip-")])
async def test_an_unknown_process_leaves_no_row_and_no_letter(kept: System, kind: str, prefix: str) -> None:
    process = f"never-was-{uuid.uuid4().hex[:8]}"

    recovery = await forge(kept, kind, RecoverProcess(process_id=process), f"{prefix}{process}")

    with pytest.raises(WorkflowFailureError):
        await recovery.result()
    letters = "select count(*)::int from dead_letters.letters where process_id = %s"
    assert await kept.one(letters, f"{prefix}{process}") == 0
    assert await kept.one("select count(*)::int from shipping.receipts where key like %s", f"%{process}%") == 0


async def test_a_choreographed_order_is_not_recovered_by_a_workflow(kept: System) -> None:
    order = Scenario("choreographed").order()
    await kept.services.choreographed_orders.place(order)

    recovery = await forge(
        kept, RECOVERY_WORKFLOW, RecoverProcess(process_id=order.order_id), workflow_id(order.order_id)
    )

    with pytest.raises(WorkflowFailureError):
        await recovery.result()
    await until_ended(kept.db, order)
    assert await closed_as(kept, order.order_id) == "completed"


@pytest.mark.parametrize("kind", ["OrderWorkflow", "Another", None])
async def test_a_letter_is_recorded_only_for_the_recovery_that_calls(kept: System, kind: str | None) -> None:
    order = Scenario("healthy", token="tok_flaky_2").order()
    handle = await kept.start(order)
    services = kept.services
    activities = RecoveringActivities(order_type(services), slip_type(services), services.dead_letters)
    environment = ActivityEnvironment(kept.client)
    environment.info = dataclasses.replace(
        environment.info, workflow_id=handle.id if kind else None, workflow_type=kind, activity_type="record"
    )

    with pytest.raises(Conflict, match="only a recovery under the process's own workflow id"):
        await environment.run(activities.record_failed_recovery, FailedRecovery(cause="forged", attempts=1))

    assert not await services.dead_letters.is_blocked(handle.id)
    assert (await handle.result()).status is Status.COMPLETED


UNREADABLE: dict[str, dict[str, Any]] = {
    ORDER_WORKFLOW: {},
    SLIP_WORKFLOW: {"slip_id": 1},
    RECOVERY_WORKFLOW: {},
    SLIP_RECOVERY_WORKFLOW: {"process_id": ["s-1"]},
    RECONCILER_WORKFLOW: {"limit": "many"},
    ALERT_WORKFLOW: {"key": None},
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_start_that_can_not_be_read_ends_at_once(kept: System, kind: str) -> None:
    forged = await forge(kept, kind, UNREADABLE[kind], f"order-{uuid.uuid4().hex}")

    async with asyncio.timeout(30):
        with pytest.raises(WorkflowFailureError) as caught:
            await forged.result()

    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "InvalidInput"


@pytest.mark.parametrize("ask", ["refund_payment", "complete_order", "alert_operators", "find_payment_receipts"])
async def test_a_running_order_is_left_to_its_own_workflow(kept: System, ask: str) -> None:
    order = Scenario("left-alone", postcode="00002").order()
    handle = await kept.start(order)
    await step_reached(kept, handle, "ship")
    request: dict[str, Any] = {"key": f"{order.order_id}:charge", "order_id": order.order_id}
    if ask == "complete_order":
        request |= {"body_hash": order.body_hash(), "outcome": "cancelled"}
    if ask == "alert_operators":
        more = {"step": "charge", "direction": "undo", "failure": "none", "at_risk": 0, "currency": "EUR"}
        request |= more | {"key": f"{order.order_id}:charge:undo:0"}

    if ask == "find_payment_receipts":
        request = {"order_id": order.order_id}

    called = await kept.client.start_activity(
        ask,
        request,
        id=f"forged-{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        start_to_close_timeout=timedelta(seconds=20),
    )
    with pytest.raises(ActivityFailureError) as caught:
        await called.result()

    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "NotAccepted"
    assert (await handle.result()).status is Status.COMPLETED
    assert await kept.one("select count(*)::int from operators.alerts where order_id = %s", order.order_id) == 0


async def test_no_workflow_closes_a_choreographed_order(kept: System) -> None:
    order = Scenario("choreographed", postcode="00003").order()
    await kept.services.choreographed_orders.place(order)

    forged = await forge(kept, ORDER_WORKFLOW, order, workflow_id(order.order_id))

    with pytest.raises(WorkflowFailureError):
        await forged.result()
    await until_ended(kept.db, order)
    assert await closed_as(kept, order.order_id) == "completed"


@pytest.mark.parametrize(
    ("direction", "why"), [("undo", "no such order or slip was accepted"), ("letter", "for the alerts of dead letters")]
)
async def test_no_alert_is_raised_for_an_invented_order(kept: System, direction: str, why: str) -> None:
    process = f"never-was-{uuid.uuid4().hex[:8]}"
    more = {"step": "charge", "direction": direction, "failure": "none", "at_risk": 1, "currency": "EUR"}
    alert = Alert.model_validate({"key": f"{process}:charge:{direction}:0", "order_id": process} | more)
    operators = OperatorActivities(kept.services.alerts, kept.services.accepted)

    with pytest.raises((NotAccepted, InvalidInput), match=why):
        await ActivityEnvironment(kept.client).run(operators.alert_operators, alert)

    assert await kept.one("select count(*)::int from operators.alerts where order_id = %s", process) == 0
