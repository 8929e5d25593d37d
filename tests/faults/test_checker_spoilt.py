"""The checker on a system whose database is spoilt by hand: it finds what no part of the product would do."""

import asyncio

import pytest

from tests.faults.checker import violations
from tests.faults.evidence.gathering import Watch
from tests.faults.good.system import DECLINED, DONE, REFUSED, Clients, clients
from tests.orders.scenarios import Scenario

__all__ = ["clients"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

# What is done to an order; of which kind, the invariant that it breaks, and how it is done.
HARMS: dict[str, tuple[Scenario, str, bytes]] = {
    "our ledger charges it a second time": (
        DONE,
        "I4",
        b"""insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
        values (%(id)s || ':charge-2', 'charge', 'card_clearing', 'held', 4970, 'EUR', %(id)s)""",
    ),
    "the provider takes its money a second time": (
        DONE,
        "I4",
        b"insert into card_provider.calls (key, operation, outcome) values (%(id)s || ':charge', 'charge', 'taken')",
    ),
    "its release is lost": (
        DECLINED,
        "I6",
        b"""with receipt as (update inventory.receipts set status = 'done' where key = %(id)s || ':reserve')
        update inventory.stock set available = available - 2, reserved = reserved + 2 where sku = 'SKU-1'""",
    ),
    "its refund is lost at the provider": (
        REFUSED,
        "I3",
        b"update card_provider.entries set status = 'taken' where key = %(id)s || ':charge'",
    ),
    "its parcel is in no book of ours": (DONE, "I7", b"delete from shipping.parcels where order_id = %(id)s"),
    "people are told of it and nothing waits": (
        DONE,
        "I10",
        b"""insert into operators.alerts (key, order_id, step, direction, failure, at_risk, currency)
        values (%(id)s || ':ship:undo:0', %(id)s, 'ship', 'undo', 'Unavailable', 1, 'EUR')""",
    ),
    "the table says that it was cancelled": (
        DECLINED,
        "I11",
        b"update orders.orders set status = 'cancelled' where order_id = %(id)s",
    ),
    "its row is gone": (DECLINED, "I1", b"delete from orders.orders where order_id = %(id)s"),
    "it is open again": (
        DONE,
        "I2",
        b"update orders.orders set status = 'running', closed_at = null where order_id = %(id)s",
    ),
}


@pytest.mark.parametrize(
    ("scenario", "invariant", "harm"), HARMS.values(), ids=[told.replace(" ", "-") for told in HARMS]
)
async def test_a_spoilt_order_is_found(clients: Clients, scenario: Scenario, invariant: str, harm: bytes) -> None:
    order = await clients.to_the_end(scenario)
    # The database is spoilt by the tests before this one, the order is not.
    assert not [wrong for wrong in violations(await clients.evidence_of(order)) if wrong.order_id]

    await clients.system.db.rows(harm, {"id": order.order_id})

    found = {(wrong.invariant, wrong.order_id) for wrong in violations(await clients.evidence_of(order))}
    assert (invariant, order.order_id) in found


async def test_an_event_that_reached_nobody_is_found(clients: Clients) -> None:
    order = await clients.choreographed(REFUSED)
    assert not [wrong for wrong in violations(await clients.evidence_of(order)) if wrong.order_id]

    harm = b"""delete from outbox.consumed using outbox.events as event
        where consumed.event_id = event.event_id and process_id = %(id)s and type = 'PaymentCharged'"""
    await clients.system.db.rows(harm, {"id": order.order_id})

    found = {wrong.told for wrong in violations(await clients.evidence_of(order)) if wrong.invariant == "I9"}
    assert found == {"PaymentCharged (event 3) never reached shipping"}


async def test_an_article_out_of_nowhere_is_found_at_the_moment_it_comes(clients: Clients) -> None:
    db = clients.system.db
    order = await clients.to_the_end(DONE)
    async with Watch(db, seconds=0.05) as watch:
        await _seen(watch, 1)
        await db.rows(b"update inventory.stock set available = available + 1, received = received + 1")
        await _seen(watch, len(watch.snapshots) + 2)
        await db.rows(b"update inventory.stock set available = available - 1, received = received - 1")

    evidence = await clients.evidence_of(order, watch.snapshots)

    told = {wrong.told.partition(": ")[2] for wrong in violations(evidence) if wrong.invariant == "I5"}
    assert "SKU-3: 1000 were received, and the stock table has 1001" in told


async def _seen(watch: Watch, snapshots: int) -> None:
    async with asyncio.timeout(30):
        while len(watch.snapshots) < snapshots:
            await asyncio.sleep(0.01)
