"""Orders: acceptance, prices, conflicts and outcomes."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from models.activities.orders import Priced
from models.errors import AlreadyUndone, Conflict, Final, NotFound, OrderRejected
from models.money import Money
from models.order import Order
from models.process import Status
from postgres.database import Database
from services.orders.orders import Orders
from tests.services import requests
from tests.services.shop import Shop

PRICE = {"SKU-1": 1490, "SKU-2": 1990}


async def close(shop: Shop, outcome: Status, order_id: str = "o-1") -> Status:
    """Close an order; return the recorded outcome."""
    closed = await shop.closing.close(requests.complete(order_id, outcome=outcome.value, reason="because"))
    return Status(closed.outcome)


async def test_an_order_is_accepted_at_the_catalogues_price(shop: Shop) -> None:
    order = requests.order(SKU_1=2, SKU_2=1)

    accepted = await shop.orders.accept(order)

    record = await shop.orders.find("o-1")
    total = Money(amount=2 * PRICE["SKU-1"] + PRICE["SKU-2"], currency="EUR")
    assert (accepted.total, accepted.new) == (total, True)
    assert accepted.record == record
    assert record is not None
    assert (record.status, record.total, record.closed_at) == (Status.RUNNING, total, None)
    assert await shop.orders.accept_to_run(order) == Priced(total=total)
    assert record.body_hash == order.body_hash()


async def test_100_equal_orders_at_once_are_one(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.orders.accept(requests.order()) for _ in range(100)))

    assert len({accepted.record for accepted in answers}) == 1
    assert [accepted.new for accepted in answers].count(True) == 1
    assert await shop.db.row(b"select count(*) from orders.orders", {}) == (1,)


async def test_an_order_is_accepted_again_in_one_statement(shop: Shop) -> None:
    order = requests.order()
    await shop.orders.accept(order)
    statements: list[bytes] = []

    class Counting(Database):
        async def rows(self, query: bytes, *rest: Any, **more: Any) -> list[Any]:
            statements.append(query)
            return await super().rows(query, *rest, **more)

    counting = Counting(shop.db._pool, shop.db.place)
    assert not (await Orders(counting).accept(order)).new
    assert (await Orders(counting).accept_to_run(order)).total.amount == PRICE["SKU-1"] * 2
    assert len(statements) == 2


async def test_an_order_of_one_style_is_never_run_in_the_other(shop: Shop) -> None:
    await shop.orders.accept(requests.order("o-1"))
    await shop.choreographed_orders.place(requests.order("o-2"))

    with pytest.raises(Conflict, match=r"^o-1: was placed with the style orchestrated; place it again with"):
        await shop.choreographed_orders.place(requests.order("o-1"))
    with pytest.raises(Conflict, match=r"^o-2: was placed with the style choreographed; place it again with"):
        await shop.orders.accept_to_run(requests.order("o-2"))


async def test_the_same_id_with_another_body_is_a_conflict(shop: Shop) -> None:
    await shop.orders.accept(requests.order(SKU_1=2))

    with pytest.raises(Conflict, match=r"^o-1: "):
        await shop.orders.accept(requests.order(SKU_1=3))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (requests.order(SKU_1=1, SKU_NONE=1), r"^lines\[1\]\.sku: SKU-NONE is not in the catalogue$"),
        (
            requests.order(SKU_0=1, SKU_1=1, SKU_2=1, SKU_NONE=1),
            r"^lines\[0\]\.sku: SKU-0 is not in the catalogue; lines\[3\]\.sku: SKU-NONE is not in the catalogue$",
        ),
        (requests.order(SKU_1=1, total=1489), r"^total: is 1490 by the catalogue, not 1489$"),
        (requests.order(SKU_1=1, total=0), r"^total: is 1490 by the catalogue, not 0$"),
    ],
)
async def test_an_order_that_contradicts_the_catalogue_is_rejected_by_field(
    shop: Shop, order: Order, message: str
) -> None:
    with pytest.raises(OrderRejected, match=message):
        await shop.orders.accept(order)

    assert await shop.orders.find("o-1") is None


async def test_a_correct_total_is_accepted(shop: Shop) -> None:
    assert (await shop.orders.accept(requests.order(SKU_1=1, total=1490))).total.amount == 1490


async def test_a_withdrawn_article_is_rejected(shop: Shop) -> None:
    await shop.db.rows(b"update orders.catalogue set active = false where sku = 'SKU-1'")

    with pytest.raises(OrderRejected, match=r"^lines\[0\]\.sku: "):
        await shop.orders.accept(requests.order())


async def test_an_accepted_order_keeps_its_price_when_the_catalogue_changes(shop: Shop) -> None:
    order = requests.order(SKU_1=1, total=1490)
    before = await shop.orders.accept(order)
    await shop.db.rows(b"update orders.catalogue set price = 9999 where sku = 'SKU-1'")

    assert await shop.orders.accept(order) == replace(before, new=False)


async def test_a_closed_order_keeps_its_first_outcome(shop: Shop) -> None:
    await shop.orders.accept(requests.order())

    assert await close(shop, Status.CANCELLED) is Status.CANCELLED
    assert await close(shop, Status.CANCELLED) is Status.CANCELLED
    with pytest.raises(Final, match=r"^o-1: was closed as cancelled, not completed$"):
        await close(shop, Status.COMPLETED)

    record = await shop.orders.find("o-1")
    assert record is not None
    assert (record.status, record.reason) == (Status.CANCELLED, "because")
    assert record.closed_at is not None


async def test_of_two_undone_outcomes_the_first_is_kept(shop: Shop) -> None:
    await shop.orders.accept(requests.order())

    assert await close(shop, Status.CANCELLED) is Status.CANCELLED
    assert await close(shop, Status.COMPENSATED) is Status.CANCELLED

    record = await shop.orders.find("o-1")
    assert record is not None
    assert record.status is Status.CANCELLED


async def test_an_order_closed_before_its_acceptance_is_refused(shop: Shop) -> None:
    await close(shop, Status.COMPENSATED)

    for _ in range(2):
        with pytest.raises(AlreadyUndone):
            await shop.orders.accept(requests.order())


async def test_an_unknown_order_can_not_be_completed(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await close(shop, Status.COMPLETED)

    assert await shop.orders.find("o-1") is None


async def test_orders_are_listed_by_status_page_by_page(shop: Shop) -> None:
    for number in range(5):
        await shop.orders.accept(requests.order(f"o-{number}"))
    await close(shop, Status.CANCELLED, "o-2")

    first = await shop.orders.by_status(Status.RUNNING, limit=3)
    second = await shop.orders.by_status(Status.RUNNING, limit=3, after=first[-1].order_id)

    assert [record.order_id for record in first] == ["o-0", "o-1", "o-3"]
    assert [record.order_id for record in second] == ["o-4"]
