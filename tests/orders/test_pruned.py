"""An order that ended long ago and was pruned never runs again, also when its workflow is started directly."""

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
from tests.systems import System, open_system, result_of
from worker import orders_worker

# A separate system, because the conservation check needs the receipts, which pruning deletes.
pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
# Its history contains no step. The workflow asks whether it was accepted before it undoes what a lost workflow task may
# have executed; a pruned id is refused, so nothing is undone.
LOST = "express-cancelled"
KINDS = {
    name: Scenario(f"pruned-{name}", express="express" in name, postcode="00000" if "refused" in name else "69001")
    for name in ("completed", "express-completed", "refused", "express-refused", "cancelled", LOST)
}
AGED = "with aged as (update orders.orders set closed_at = now() - interval '30 days' returning 1) select count(*)"
Handle = WorkflowHandle[Any, OrderResult]


@dataclass
class Again:
    """A pruned order: its effects before the pruning, and its second run."""

    order: Order
    before: dict[str, Any]
    handle: Handle

    async def assert_untouched(self, system: System) -> None:
        """Check that the second run had no effect."""
        receipts = {"reserve": None}  # a pruned receipt is deleted, or a tombstone after another undo
        assert await effects(system, self.order) | receipts == self.before | receipts


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture(scope="module")
async def again(system: System) -> AsyncIterator[dict[str, Again]]:
    """Yield pruned orders that were started again; some are cancelled before their first workflow task."""
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


@pytest.mark.parametrize("name", KINDS)
async def test_a_pruned_order_that_is_started_again_has_no_second_effect(
    system: System, again: dict[str, Again], name: str
) -> None:
    with pytest.raises(WorkflowFailureError):
        await again[name].handle.result()

    await again[name].assert_untouched(system)
