"""An order that ended long ago and was pruned is never run again, whoever starts it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from models.order import Order
from models.process import OrderResult
from runtime.embedded.stack import Stack
from services.retention import Retention
from tests.orders.moments.test_reset import effects
from tests.orders.scenarios import Scenario
from tests.orders.waiting.parking import decide
from tests.systems import System, open_system, result_of
from worker import orders_worker

# A system of their own: the others' books are checked against receipts, which are gone here.
pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
# Its history knows of no step, so it must undo whatever a workflow task that was lost may have done.
LOST = "express-cancelled"
KINDS = {
    name: Scenario(f"pruned-{name}", express="express" in name, postcode="00000" if "refused" in name else "69001")
    for name in ("completed", "express-completed", "refused", "express-refused", "cancelled", LOST)
}
AGED = "with aged as (update orders.orders set closed_at = now() - interval '30 days' returning 1) select count(*)"
Handle = WorkflowHandle[Any, OrderResult]


@dataclass
class Again:
    """An order that was pruned: what it had done by then, and its second run."""

    order: Order
    before: dict[str, Any]
    handle: Handle

    async def assert_untouched(self, system: System) -> None:
        """Whatever the second run came to, it had no effect."""
        receipts = {"reserve": None}  # what was pruned is gone, or a tombstone where something was undone once more
        assert await effects(system, self.order) | receipts == self.before | receipts


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture(scope="module")
async def again(system: System) -> AsyncIterator[dict[str, Again]]:
    """Orders that ended, were pruned and are started anew; some are cancelled before their first workflow task."""
    orders = {name: scenario.order() for name, scenario in KINDS.items()}
    async with orders_worker(system.client, system.stack.database_url, system.settings):
        await asyncio.gather(*[result_of(await system.start(order)) for order in orders.values()])
    before = {name: await effects(system, order) for name, order in orders.items()}
    assert await system.one(f"{AGED} from aged") == len(orders)
    assert (await Retention(system.db).prune(29)).orders == len(orders)
    started = {name: Again(order, before[name], await system.start(order)) for name, order in orders.items()}
    for name, each in started.items():
        if "cancelled" in name:
            await each.handle.cancel()
    async with orders_worker(system.client, system.stack.database_url, system.settings):
        yield started


@pytest.mark.parametrize("name", [name for name in KINDS if name != LOST])
async def test_a_pruned_order_that_somebody_starts_anew_has_no_second_effect(
    system: System, again: dict[str, Again], name: str
) -> None:
    with pytest.raises(WorkflowFailureError):
        await again[name].handle.result()

    await again[name].assert_untouched(system)


async def test_a_sale_stands_also_where_a_cancelled_express_order_can_not_know_how_far_it_came(
    system: System, again: dict[str, Again]
) -> None:
    handle = again[LOST].handle
    undone: dict[str, str] = {}
    async with asyncio.timeout(60):
        while undone.get("reserve") != "completed":  # the last of them
            await asyncio.sleep(0.1)
            history = (await system.state(handle)).history
            undone = {line.step: line.status for line in history if line.direction == "undo"}
    parked = [step for step, status in undone.items() if status == "parked"]
    for step in parked:
        await decide(handle, "waive", step)
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert parked == ["ship", "charge"]
    await again[LOST].assert_untouched(system)
