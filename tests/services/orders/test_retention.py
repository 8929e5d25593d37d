"""Pruning removes orders and slips that ended long ago, completely and once; younger and open ones and ledgers stay."""

import asyncio
from dataclasses import replace

import pytest

from models.activities.inventory import Released
from models.activities.slips import AcceptSlip, CloseSlip
from models.activities.wrapping import WrapGift
from models.dead_letters import Undeliverable
from models.errors import AlreadySettled, Conflict, Final, InvalidInput, NotBegun, OrderRejected
from models.money import Money
from models.participants import SERVICES, Service
from models.slips.slip import RoutingSlip, Stop
from postgres.database import Database
from postgres.on_demand import OnDemand
from services.databases import Databases
from services.retention import Pruned, Retention
from services.slips.slips import Slips
from tests.services import requests
from tests.services.orders.test_closing import placed
from tests.services.shop import Shop

AGE = b"update orders.orders set closed_at = now() - %(days)s * interval '1 day' where order_id = %(id)s"
KEYS = b"""
select key from inventory.receipts union all select key from payments.receipts
union all select key from shipping.receipts order by key"""
AGE_SLIP = b"update slips.slips set closed_at = now() - interval '30 days' where slip_id = 's-1'"
OLD_SLIP = RoutingSlip(slip_id="s-1", itinerary=(Stop(name="wrap", activity="wrap_gift"),))
STATE = b"""
insert into orders.process_states (order_id, process_id, status, started_at, updated_at, state)
values ('o-1', 'order-o-1', 'completed', now(), now(), '{}')"""
DEAD = Undeliverable(
    channel="deliveries",
    message_id="e-1:inventory",
    original=b"{}",
    error_type="Gone",
    cause="permanent",
    attempts=8,
    process_id="order-o-1",
)


async def completed(shop: Shop, order_id: str = "o-1", days: int | None = 30) -> None:
    await placed(shop, order_id)
    await shop.closing.close(requests.complete(order_id))
    if days is not None:
        await shop.db.rows(AGE, {"id": order_id, "days": days})


def accepting(slip: RoutingSlip) -> AcceptSlip:
    process = f"slip.{slip.slip_id}"
    return AcceptSlip(key=f"{process}:accept", order_id=process, slip=slip)


async def wrapped(shop: Shop, slip: RoutingSlip) -> None:
    """Run a slip that wraps a gift to its end."""
    await Slips(shop.db).accept(slip)
    process = f"slip.{slip.slip_id}"
    wrap = WrapGift(key=f"{process}:wrap", order_id=process, lines=requests.order().lines, paper="stars")
    await shop.wrapping.wrap(wrap)
    body = {"key": f"{process}:close", "order_id": process, "body_hash": slip.body_hash()}
    await shop.slip_closing.close(CloseSlip.model_validate(body | {"outcome": "completed", "stops": ("wrap",)}))


async def keys(shop: Shop) -> list[str]:
    return [key for (key,) in await shop.db.rows(KEYS)]


async def test_an_old_order_is_pruned_and_its_id_never_buys_again(unchecked_shop: Shop) -> None:
    shop, retention = unchecked_shop, Retention(unchecked_shop.db)
    await completed(shop)
    await shop.db.rows(STATE)
    totals = (await shop.inventory.levels(), await shop.ledger.balances())
    assert await retention.count(29) == Pruned(orders=1)

    assert await retention.prune(29) == Pruned(orders=1, receipts=3, states=1)

    assert await keys(shop) == []
    body = await shop.db.row(b"select body::text from orders.orders", {})
    assert body is not None
    assert "tok_ok" not in body[0]
    assert "Lyon" not in body[0]
    assert (await shop.orders.accept(requests.order())).total == Money(amount=2980, currency="EUR")
    with pytest.raises(Conflict):
        await shop.orders.accept(requests.order(SKU_1=7))
    assert (await shop.inventory.levels(), await shop.ledger.balances()) == totals
    assert (await retention.count(29), await retention.prune(29)) == (Pruned(), Pruned())


async def test_a_pruned_order_is_not_run_again(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await completed(shop)
    await shop.orders.accept_to_run(requests.order())

    await Retention(shop.db).prune(29)

    with pytest.raises(OrderRejected, match="order_id: o-1 ended long ago as completed and was pruned"):
        await shop.orders.accept_to_run(requests.order())


async def test_the_effects_of_a_pruned_order_are_never_undone(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await completed(shop)
    await Retention(shop.db).prune(29)
    totals = (await shop.inventory.levels(), await shop.ledger.balances())

    with pytest.raises(AlreadySettled):
        await shop.payments.refund(requests.refund())
    with pytest.raises(AlreadySettled):
        await shop.shipping.cancel(requests.cancel())
    with pytest.raises(AlreadySettled):
        await shop.transfers.give_back(requests.refund())

    assert await shop.inventory.release(requests.release()) == Released()
    assert (await shop.inventory.levels(), await shop.ledger.balances()) == totals
    assert await shop.provider.find(requests.charge().key)
    assert await shop.carrier.find(requests.create().key)


async def test_younger_orders_open_orders_and_orders_with_a_dead_letter_are_not_pruned(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await completed(shop)
    await shop.dead_letters.record(DEAD)
    await completed(shop, "o-2", days=8)
    await placed(shop, "o-3")
    before = await keys(shop)
    assert len(before) == 9

    assert await Retention(shop.db).prune(9) == Pruned()

    assert await keys(shop) == before


async def test_an_effect_that_an_operator_waived_keeps_its_receipt(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await placed(shop)
    await shop.shipping.cancel(requests.cancel())
    await shop.payments.refund(requests.refund())
    await shop.closing.close(requests.complete(outcome="failed", reason="the release was waived"))
    await shop.db.rows(AGE, {"id": "o-1", "days": 30})

    assert await Retention(shop.db).prune(7) == Pruned(orders=1, receipts=2)

    assert await keys(shop) == ["o-1:reserve"]


async def test_an_order_that_was_undone_can_be_undone_again_after_it_was_pruned(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await placed(shop)
    await shop.shipping.cancel(requests.cancel())
    await shop.payments.refund(requests.refund())
    await shop.inventory.release(requests.release())
    await shop.closing.close(requests.complete(outcome="compensated"))
    await shop.db.rows(AGE, {"id": "o-1", "days": 30})
    await Retention(shop.db).prune(7)
    totals = (await shop.inventory.levels(), await shop.ledger.balances())

    await shop.shipping.cancel(requests.cancel())
    await shop.payments.refund(requests.refund())
    await shop.inventory.release(requests.release())

    assert (await shop.inventory.levels(), await shop.ledger.balances()) == totals


async def test_an_old_slip_is_pruned_and_its_id_is_not_run_again(unchecked_shop: Shop) -> None:
    shop, slips = unchecked_shop, Slips(unchecked_shop.db)
    for slip in (OLD_SLIP, OLD_SLIP.model_copy(update={"slip_id": "s-2"})):
        await wrapped(shop, slip)
    await shop.db.rows(AGE_SLIP)

    assert await Retention(shop.db).count(29) == Pruned(slips=1)
    assert await Retention(shop.db).prune(29) == Pruned(slips=1, receipts=1)

    assert await shop.db.rows(b"select key from wrapping.receipts") == [("slip.s-2:wrap",)]
    assert await shop.db.row(b"select body::text from slips.slips where slip_id = 's-1'", {}) == ("{}",)
    assert not (await slips.accept(OLD_SLIP)).new
    assert (await slips.accept_to_run(accepting(OLD_SLIP.model_copy(update={"slip_id": "s-2"})))).new is False
    with pytest.raises(Final, match="s-1: ended long ago as completed and was pruned"):
        await slips.accept_to_run(accepting(OLD_SLIP))
    with pytest.raises(Conflict):
        await slips.accept(OLD_SLIP.model_copy(update={"max_hops": 3}))


async def test_two_concurrent_prunings_prune_each_order_once(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    for number in range(8):
        await completed(shop, f"o-{number}")

    both = await asyncio.gather(*(Retention(shop.db).prune(7) for _ in range(2)))

    assert sum(pruned.orders for pruned in both) == 8
    assert sum(pruned.receipts for pruned in both) == 24


@pytest.mark.parametrize("away", SERVICES)
async def test_a_pruning_that_a_database_interrupts_is_completed_by_the_next(
    unchecked_shop: Shop, away: Service
) -> None:
    shop = unchecked_shop
    await completed(shop)
    await wrapped(shop, OLD_SLIP)
    await shop.db.rows(AGE_SLIP)
    reachable = Databases.of(shop.db)
    interrupted = Retention(replace(reachable, **{away: OnDemand("away", refuse)}))

    with pytest.raises(NotBegun):
        await interrupted.prune(29)

    left = len(await keys(shop))
    assert left == len(SERVICES) - SERVICES.index(away)
    assert await Retention(shop.db).count(29) == Pruned(orders=1, slips=1)
    assert await Retention(reachable).prune(29) == Pruned(orders=1, slips=1, receipts=left + 1)
    assert await keys(shop) == []
    assert await Retention(shop.db).prune(29) == Pruned()


async def test_a_pruning_of_slips_that_a_database_interrupts_is_completed_by_the_next(unchecked_shop: Shop) -> None:
    shop = unchecked_shop
    await wrapped(shop, OLD_SLIP)
    await shop.db.rows(AGE_SLIP)

    with pytest.raises(NotBegun):
        await Retention(replace(Databases.of(shop.db), shipping=OnDemand("away", refuse))).prune(29)

    assert await shop.db.rows(b"select key from wrapping.receipts") == [("slip.s-1:wrap",)]
    assert await Retention(shop.db).prune(29) == Pruned(slips=1, receipts=1)


async def refuse() -> Database:
    raise NotBegun("database: it is away")


async def test_less_than_a_week_is_refused(unchecked_shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="--older-than: must be 7 days or more"):
        await Retention(unchecked_shop.db).prune(6)
