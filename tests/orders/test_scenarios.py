"""Every scenario on a real server and database. All orders run concurrently; each test checks one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from models.order import Order
from tests.conservation import assert_conserved
from tests.orders.scenarios import SCENARIOS, Scenario
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("conserved")]
Placed = dict[str, tuple[Order, WorkflowHandle[Any, Any]]]


@pytest.fixture(scope="module")
async def placed(system: System) -> AsyncIterator[Placed]:
    orders = {scenario.name: scenario.order() for scenario in SCENARIOS}
    handles = await asyncio.gather(*(system.start(order) for order in orders.values()))
    yield dict(zip(orders, zip(orders.values(), handles, strict=True), strict=True))
    await asyncio.gather(*(result_of(handle) for handle in handles))
    await assert_conserved(system.db)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_an_order_ends_with_the_outcome_of_its_test_value(
    system: System, placed: Placed, scenario: Scenario
) -> None:
    await ends_as_expected(system, scenario, *placed[scenario.name])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_workflow_has_the_temporal_status_of_its_outcome(placed: Placed, scenario: Scenario) -> None:
    _, handle = placed[scenario.name]
    await result_of(handle)

    good = scenario.status == "completed"
    expected = WorkflowExecutionStatus.COMPLETED if good else WorkflowExecutionStatus.FAILED
    assert (await handle.describe()).status == expected


async def ends_as_expected(system: System, scenario: Scenario, order: Order, handle: WorkflowHandle[Any, Any]) -> None:
    """Check an order's result, steps, attempts and records."""
    result = await result_of(handle)
    state = await system.state(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == (
        scenario.status,
        scenario.failed_step,
        scenario.undone,
    )
    assert tuple(line.step for line in state.history if line.direction == "undo") == scenario.undone
    done = {line.step: line.attempt for line in state.history if line.direction == "do"}
    assert {step: done[step] for step in scenario.attempts} == scenario.attempts
    assert await records_of(system, order) == expected_records(scenario, result.total.amount if result.total else 0)


async def records_of(system: System, order: Order) -> dict[str, object]:
    """Return what the provider, the carrier and the services have recorded of an order."""
    key = f"{order.order_id}:charge"
    return {
        "provider": await system.one_of("payments", "select status from card_provider.entries where key = %s", key),
        "revenue": await system.one_of(
            "payments",
            "select coalesce(sum(amount), 0)::bigint from payments.ledger where key = %s and credit = 'revenue'",
            key,
        ),
        "held": await system.one_of(
            "payments",
            "select coalesce(sum(case 'held' when credit then amount when debit then -amount end), 0)::bigint"
            " from payments.ledger where key = %s",
            key,
        ),
        "reserve": await system.one_of(
            "inventory", "select status from inventory.receipts where key = %s", f"{order.order_id}:reserve"
        ),
        "parcel": await system.one_of(
            "shipping", "select status from carrier.entries where key = %s", f"{order.order_id}:ship"
        ),
        "order": await system.one("select status from orders.orders where order_id = %s", order.order_id),
    }


# Failed step → the expected records.
UNDONE: dict[str, dict[str, object]] = {
    "reserve": {"provider": None, "reserve": "refused", "parcel": None},
    "charge": {"provider": "refused", "reserve": "undone", "parcel": None},
    "ship": {"provider": "taken_back", "reserve": "undone", "parcel": "refused"},
}


def expected_records(scenario: Scenario, total: int) -> dict[str, object]:
    if scenario.status == "completed":
        expected: dict[str, object] = {"provider": "taken", "reserve": "settled", "parcel": "taken"}
    else:
        expected = UNDONE[scenario.failed_step or ""] | {}
        if "charge" in scenario.undone and scenario.failed_step == "charge":
            expected["provider"] = "taken_back" if scenario.token == "tok_lost_after" else "void"
        if "ship" in scenario.undone:
            expected["parcel"] = "void"
    return expected | {
        "revenue": total if scenario.status == "completed" else 0,
        "held": 0,
        "order": scenario.status,
    }
