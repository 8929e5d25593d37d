"""The closing of an order: settlement, outcomes and refusals."""

import asyncio

import pytest

from models.activities.base import Closed
from models.errors import AlreadySettled, AlreadyUndone, Final, NotFound
from services.inventory.inventory import Level
from tests.services import requests
from tests.services.shop import Shop


async def placed(shop: Shop, order_id: str = "o-1") -> None:
    await shop.orders.accept(requests.order(order_id))
    await shop.inventory.reserve(requests.reserve(order_id))
    await shop.payments.charge(requests.charge(order_id))
    await shop.shipping.create(requests.create(order_id))


async def undone(shop: Shop) -> None:
    await shop.shipping.cancel(requests.cancel())
    await shop.payments.refund(requests.refund())
    await shop.inventory.release(requests.release())


async def test_a_completed_order_sells_the_stock_and_earns_the_money(shop: Shop) -> None:
    await placed(shop)

    closed = await asyncio.gather(*(shop.closing.close(requests.complete()) for _ in range(20)))

    assert closed == [Closed(outcome="completed")] * 20
    assert (await shop.inventory.levels())["SKU-1"] == Level(998, 0, 2, 1000)
    assert await shop.ledger.balances() == {"card_clearing": 2980, "bank": 0, "held": 0, "revenue": 2980}


async def test_nothing_of_a_completed_order_can_be_undone(shop: Shop) -> None:
    await placed(shop)
    await shop.closing.close(requests.complete())

    with pytest.raises(AlreadySettled):
        await shop.shipping.cancel(requests.cancel())
    with pytest.raises(AlreadySettled):
        await shop.payments.refund(requests.refund())
    with pytest.raises(AlreadySettled):
        await shop.inventory.release(requests.release())


async def test_an_order_whose_parcel_was_recalled_is_never_completed(shop: Shop) -> None:
    await placed(shop)
    await shop.shipping.cancel(requests.cancel())

    with pytest.raises(AlreadyUndone, match="o-1:ship: was undone and can't be settled"):
        await shop.closing.close(requests.complete())

    await undone(shop)


@pytest.mark.parametrize("outcome", ["compensated", "cancelled", "failed"])
async def test_outcomes_other_than_completed_settle_nothing(shop: Shop, outcome: str) -> None:
    await placed(shop)
    await undone(shop)

    assert await shop.closing.close(requests.complete(outcome=outcome, reason="declined")) == Closed(outcome=outcome)

    record = await shop.orders.find("o-1")
    assert record is not None
    assert (record.status, record.reason) == (outcome, "declined")


async def test_of_two_undone_outcomes_the_first_is_kept_with_its_reason(shop: Shop) -> None:
    await placed(shop)
    await undone(shop)
    await shop.closing.close(requests.complete(outcome="compensated", reason="declined"))

    second = await shop.closing.close(requests.complete(outcome="cancelled", reason="changed my mind"))

    assert second == Closed(outcome="compensated", reason="declined")


async def test_a_second_closing_with_another_outcome_is_refused(shop: Shop) -> None:
    await placed(shop)
    await shop.closing.close(requests.complete())

    with pytest.raises(Final):
        await shop.closing.close(requests.complete(outcome="cancelled"))


async def test_an_order_without_its_parcel_can_not_be_completed_and_settles_nothing(shop: Shop) -> None:
    await placed(shop)
    await shop.shipping.cancel(requests.cancel())

    with pytest.raises(Final, match="o-1:ship"):
        await shop.closing.close(requests.complete())

    record = await shop.orders.find("o-1")
    assert record is not None
    assert record.status == "running"
    assert (await shop.ledger.balances())["held"] == 2980


@pytest.mark.parametrize("missing", ["reserve", "charge", "ship"])
async def test_an_order_with_a_missing_step_can_not_be_completed(shop: Shop, missing: str) -> None:
    await shop.orders.accept(requests.order())
    if missing != "reserve":
        await shop.inventory.reserve(requests.reserve())
    if missing != "charge":
        await shop.payments.charge(requests.charge())
    if missing != "ship":
        await shop.shipping.create(requests.create())

    with pytest.raises(NotFound, match=f"o-1:{missing}"):
        await shop.closing.close(requests.complete())

    record = await shop.orders.find("o-1")
    assert record is not None
    assert record.closed_at is None


async def test_of_a_concurrent_closing_and_undo_one_is_refused(shop: Shop) -> None:
    for number in range(20):
        order_id = f"o-{number}"
        await placed(shop, order_id)
        closed, refunded = await asyncio.gather(
            shop.closing.close(requests.complete(order_id)),
            shop.payments.refund(requests.refund(order_id)),
            return_exceptions=True,
        )
        assert isinstance(closed, Closed) == isinstance(refunded, AlreadySettled)


async def test_many_orders_close_concurrently_without_deadlock(shop: Shop) -> None:
    orders = [f"o-{number}" for number in range(40)]
    await asyncio.gather(*(placed(shop, order_id) for order_id in orders))

    await asyncio.gather(*(shop.closing.close(requests.complete(order_id)) for order_id in orders))

    assert (await shop.inventory.levels())["SKU-1"] == Level(920, 0, 80, 1000)
