"""The checker on a real system: it finds no violation in real orders of every kind."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.checker import report, violations
from tests.faults.evidence.evidence import read, write
from tests.faults.evidence.gathering import Watch, gather
from tests.faults.evidence.timeline import timeline
from tests.faults.good.system import DECLINED, DONE, NO_STOCK, REFUSED, Clients, clients
from tests.slips import slips

__all__ = ["clients"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
MINIMUMS = {"completed": 3, "compensated": 6, "cancelled": 1, "needs_attention": 1, "snapshots": 5}


async def test_orders_of_every_kind_have_no_violation(clients: Clients, tmp_path: Path) -> None:
    db, client = clients.system.db, clients.system.client
    # Outside of the watch: these orders change their receipts for a moment, which a snapshot would report.
    await asyncio.gather(clients.parked(), clients.resolved())
    async with Watch(db, seconds=0.2) as watch:
        await asyncio.gather(
            *(clients.to_the_end(scenario) for scenario in (DONE, DECLINED, REFUSED, NO_STOCK)),
            *(clients.choreographed(scenario) for scenario in (DONE, DECLINED, REFUSED, NO_STOCK)),
            clients.slip(slips.slip("price", "reserve", "charge", "wrap", "ship")),
            clients.slip(slips.slip("price", "reserve", "charge", "wrap", "ship", postcode="00000")),
            clients.cancelled(),
            clients.lost(),
        )

    canaries = ["A. Customer", "1 Main St"]
    evidence = await gather(db, client, asked=clients.asked, snapshots=watch.snapshots, canaries=canaries)

    found = violations(evidence, MINIMUMS)
    assert not found, report(evidence, found)
    assert {run.type for run in evidence.processes} == {"OrderWorkflow", "RecoverOrderWorkflow", "RoutingSlipWorkflow"}
    write(evidence, tmp_path / "evidence.json")
    assert read(tmp_path / "evidence.json") == evidence


async def test_the_evidence_of_one_order_contains_no_other_order(clients: Clients) -> None:
    order = await clients.to_the_end(REFUSED)
    await clients.to_the_end(DONE)

    evidence = await clients.evidence_of(order)

    assert not violations(evidence)
    assert {row.order_id for row in evidence.orders} == {run.order_id for run in evidence.processes} == {order.order_id}
    assert "saga       undo charge ends: completed, attempt 1" in timeline(evidence, order.order_id)
