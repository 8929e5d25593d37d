"""The checker on a system whose database is corrupted by hand: it finds damage that the product would never do."""

import asyncio

import pytest

from tests.faults.checker import violations
from tests.faults.evidence.gathering import Watch
from tests.faults.good.system import DECLINED, DONE, REFUSED, Clients, clients
from tests.orders.scenarios import Scenario

__all__ = ["clients"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

# Description of the damage → the kind of order, the violated invariant, and the statement that causes the damage.
DAMAGES: dict[str, tuple[Scenario, str, bytes]] = {
    "the ledger has a second charge": (
        DONE,
        "I4",
        b"""insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
        values (%(id)s || ':charge-2', 'charge', 'card_clearing', 'held', 4970, 'EUR', %(id)s)""",
    ),
    "the provider captures a second time": (
        DONE,
        "I4",
        b"insert into card_provider.calls (key, operation, outcome) values (%(id)s || ':charge', 'charge', 'taken')",
    ),
    "the release is lost": (
        DECLINED,
        "I6",
        b"""with receipt as (update inventory.receipts set status = 'done' where key = %(id)s || ':reserve')
        update inventory.stock set available = available - 2, reserved = reserved + 2 where sku = 'SKU-1'""",
    ),
    "the provider lost the refund": (
        REFUSED,
        "I3",
        b"update card_provider.entries set status = 'taken' where key = %(id)s || ':charge'",
    ),
    "the parcels table lacks the parcel": (DONE, "I7", b"delete from shipping.parcels where order_id = %(id)s"),
    "an alert exists for nothing parked": (
        DONE,
        "I10",
        b"""insert into operators.alerts (key, order_id, step, direction, failure, at_risk, currency)
        values (%(id)s || ':ship:undo:0', %(id)s, 'ship', 'undo', 'Unavailable', 1, 'EUR')""",
    ),
    "the table has the status cancelled": (
        DECLINED,
        "I11",
        b"update orders.orders set status = 'cancelled' where order_id = %(id)s",
    ),
    "the row is missing": (DECLINED, "I1", b"delete from orders.orders where order_id = %(id)s"),
    "the order is open again": (
        DONE,
        "I2",
        b"update orders.orders set status = 'running', closed_at = null where order_id = %(id)s",
    ),
}


@pytest.mark.parametrize(
    ("scenario", "invariant", "damage"), DAMAGES.values(), ids=[damage.replace(" ", "-") for damage in DAMAGES]
)
async def test_a_corrupted_order_is_found(clients: Clients, scenario: Scenario, invariant: str, damage: bytes) -> None:
    order = await clients.to_the_end(scenario)
    # The database is already corrupted by earlier tests, but this order is not.
    assert not [wrong for wrong in violations(await clients.evidence_of(order)) if wrong.order_id]

    await clients.system.db.rows(damage, {"id": order.order_id})

    found = {(wrong.invariant, wrong.order_id) for wrong in violations(await clients.evidence_of(order))}
    assert (invariant, order.order_id) in found


async def test_an_event_without_its_consumer_is_found(clients: Clients) -> None:
    order = await clients.choreographed(REFUSED)
    assert not [wrong for wrong in violations(await clients.evidence_of(order)) if wrong.order_id]

    damage = b"""delete from shipping.inbox where process_id = %(id)s returning event_id"""
    ((event_id,),) = await clients.system.db.rows(damage, {"id": order.order_id})

    found = {wrong.problem for wrong in violations(await clients.evidence_of(order)) if wrong.invariant == "I9"}
    assert f"PaymentCharged ({event_id}) never reached shipping" in found


async def test_an_article_from_nowhere_is_found_in_its_snapshot(clients: Clients) -> None:
    db = clients.system.db
    order = await clients.to_the_end(DONE)
    async with Watch(db, seconds=0.05) as watch:
        await _seen(watch, 1)
        await db.rows(b"update inventory.stock set available = available + 1, received = received + 1")
        await _seen(watch, len(watch.snapshots) + 2)
        await db.rows(b"update inventory.stock set available = available - 1, received = received - 1")

    evidence = await clients.evidence_of(order, watch.snapshots)

    problems = {wrong.problem.partition(": ")[2] for wrong in violations(evidence) if wrong.invariant == "I5"}
    assert "SKU-3: 1000 were received, but the stock has 1001" in problems


async def _seen(watch: Watch, snapshots: int) -> None:
    async with asyncio.timeout(30):
        while len(watch.snapshots) < snapshots:
            await asyncio.sleep(0.01)
