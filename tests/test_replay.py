"""Determinism for running orders: the current code replays every recorded history."""

import dataclasses
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from models.names import ORDER_WORKFLOW
from models.order import Order
from models.process import OrderResult
from runtime.converter import DATA_CONVERTER
from temporal_saga import Run, Saga
from workflows.order.saga import SETTLED_AT_ONCE
from workflows.order.workflow import OrderWorkflow
from workflows.recovery.order import RecoverOrderWorkflow
from workflows.recovery.reconciler import ReconcilerWorkflow
from workflows.recovery.slip import RecoverSlipWorkflow
from workflows.routing_slip.workflow import RoutingSlipWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(path: Path) -> WorkflowHistory:
    # The workflow refuses to run with an id that is not the order's own.
    text = path.read_text()
    found = WorkflowHistory.from_json("order", text)
    order = found.events[0].workflow_execution_started_event_attributes
    return dataclasses.replace(found, workflow_id=order.workflow_id)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_the_current_code_replays_the_history(path: Path) -> None:
    replayer = Replayer(
        workflows=[OrderWorkflow, RoutingSlipWorkflow, RecoverOrderWorkflow, RecoverSlipWorkflow, ReconcilerWorkflow],
        data_converter=DATA_CONVERTER,
    )

    await replayer.replay_workflow(history(path))


def test_there_is_a_history_of_every_kind_of_ending() -> None:
    kinds = {"completed", "declined", "lost-after", "cancelled", "parked-waived", "parked-skipped", "deadline"}
    kinds |= {"recovered", "recovered-forward", "recovered-by-id", "recovered-forward-by-id", "reconciled"}
    kinds |= {"slip-recovered", "slip-recovered-forward"}
    kinds |= {"slip-recovered-asking", "slip-recovered-forward-asking", "recovered-known"}
    kinds |= {"started-as-new", "slip-started-as-new"}
    kinds |= {f"transfer-{how}" for how in ("settled", "failed", "returned", "never", "early", "cancelled")}

    assert kinds <= {path.stem for path in HISTORIES}


def test_there_is_a_history_of_every_shipped_itinerary() -> None:
    shipped = {path.stem for path in (Path(__file__).parents[1] / "itineraries").glob("*.json")}

    assert {f"slip-{name}" for name in shipped} <= {path.stem for path in HISTORIES}


@workflow.defn(name=ORDER_WORKFLOW, sandboxed=False)
class Reordered:
    """A workflow with an edit that breaks running orders: the charge runs before the reservation."""

    @workflow.run
    async def run(self, order: Order) -> OrderResult:
        validate, reserve, charge, *rest = SETTLED_AT_ONCE.steps
        saga = Saga(validate, charge, reserve, *rest, close=SETTLED_AT_ONCE.close)
        await Run(saga, order.order_id, order, changed=lambda: None).execute()
        raise AssertionError


async def test_an_edit_that_breaks_running_orders_is_detected() -> None:
    replayer = Replayer(workflows=[Reordered], data_converter=DATA_CONVERTER)

    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history(next(path for path in HISTORIES if path.stem == "completed")))
