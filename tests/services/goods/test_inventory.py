import asyncio
import random

import pytest

from models.activities.inventory import Reservation
from models.errors import AlreadyUndone, OutOfStock
from services.inventory.inventory import Level
from tests.services import requests
from tests.services.races import held_stock, waiting
from tests.services.shop import Shop


async def test_reserving_sets_all_lines_aside(shop: Shop) -> None:
    reservation = await shop.inventory.reserve(requests.reserve(SKU_1=2, SKU_2=1))

    levels = await shop.inventory.levels()
    assert reservation == Reservation(lines=requests.lines(SKU_1=2, SKU_2=1))
    assert levels["SKU-1"] == Level(available=998, reserved=2, sold=0, received=1000)
    assert levels["SKU-2"] == Level(available=999, reserved=1, sold=0, received=1000)


async def test_one_line_too_many_reserves_nothing_and_is_named(shop: Shop) -> None:
    with pytest.raises(OutOfStock, match=r"^SKU-RARE: not enough in stock$"):
        await shop.inventory.reserve(requests.reserve(SKU_1=2, SKU_RARE=2))

    levels = await shop.inventory.levels()
    assert levels["SKU-1"].reserved == 0
    assert levels["SKU-RARE"].reserved == 0


async def test_an_article_that_was_never_received_is_out_of_stock(shop: Shop) -> None:
    with pytest.raises(OutOfStock, match=r"^SKU-NONE: "):
        await shop.inventory.reserve(requests.reserve(SKU_NONE=1))


async def test_a_refusal_stands_even_when_stock_comes_back(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve("o-1", SKU_RARE=1))
    with pytest.raises(OutOfStock, match="SKU-RARE"):
        await shop.inventory.reserve(requests.reserve("o-2", SKU_RARE=1))
    await shop.inventory.release(requests.release("o-1"))

    with pytest.raises(OutOfStock, match="SKU-RARE"):
        await shop.inventory.reserve(requests.reserve("o-2", SKU_RARE=1))

    assert (await shop.inventory.levels())["SKU-RARE"].available == 1


async def test_releasing_puts_every_line_back_and_says_which(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve(SKU_1=2, SKU_2=1))

    released = await shop.inventory.release(requests.release())

    levels = await shop.inventory.levels()
    assert released.lines == requests.lines(SKU_1=2, SKU_2=1)
    assert levels["SKU-1"] == levels["SKU-2"] == Level(available=1000, reserved=0, sold=0, received=1000)
    assert await shop.inventory.release(requests.release()) == released


async def test_releasing_a_refused_reservation_moves_nothing(shop: Shop) -> None:
    with pytest.raises(OutOfStock):
        await shop.inventory.reserve(requests.reserve(SKU_RARE=2))

    released = await shop.inventory.release(requests.release())

    assert released.lines == ()
    assert (await shop.inventory.levels())["SKU-RARE"].available == 1


async def test_200_orders_for_the_last_one_sell_exactly_one(shop: Shop) -> None:
    asked = [shop.inventory.reserve(requests.reserve(f"o-{n}", SKU_RARE=1)) for n in range(200)]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(answer, Reservation) for answer in answers) == 1
    assert sum(isinstance(answer, OutOfStock) for answer in answers) == 199
    assert (await shop.inventory.levels())["SKU-RARE"] == Level(0, 1, 0, 1)


async def test_orders_with_the_same_lines_in_any_order_never_deadlock(shop: Shop) -> None:
    skus = [f"SKU_{n}" for n in range(1, 9)]
    chance = random.Random(7)  # noqa: S311 -- the same orders each time

    async def one(number: int) -> None:
        wanted = dict.fromkeys(chance.sample(skus, 8), 1)
        await shop.inventory.reserve(requests.reserve(f"o-{number}", **wanted))
        await shop.inventory.release(requests.release(f"o-{number}"))

    # A deadlock would end one of the two as Unavailable.
    for batch in range(10):
        await asyncio.gather(*(one(batch * 30 + n) for n in range(30)))

    assert (await shop.inventory.levels())["SKU-1"].available == 1000


async def test_stock_that_comes_back_while_an_order_waits_for_it_is_sold(shop: Shop, url: str) -> None:
    """The order's statement began when there was none left: it must not be judged by the stock of then."""
    await shop.inventory.reserve(requests.reserve("o-1", SKU_RARE=1))
    async with held_stock(url):
        release = asyncio.create_task(shop.inventory.release(requests.release("o-1")))
        await waiting(shop, 1)
        reserve = asyncio.create_task(shop.inventory.reserve(requests.reserve("o-2", SKU_RARE=1)))
        await waiting(shop, 2)

    assert (await release).lines == requests.lines(SKU_RARE=1)
    assert (await reserve).lines == requests.lines(SKU_RARE=1)
    assert (await shop.inventory.levels())["SKU-RARE"] == Level(0, 1, 0, 1)


async def test_dos_and_undos_of_one_key_in_a_heap_never_deadlock(shop: Shop) -> None:
    for number in range(30):
        request, undo = requests.reserve(f"o-{number}", SKU_1=1, SKU_2=1), requests.release(f"o-{number}")
        heap = [shop.inventory.reserve(request) for _ in range(6)] + [shop.inventory.release(undo) for _ in range(6)]
        random.Random(number).shuffle(heap)  # noqa: S311 -- the same heap each time
        answers = await asyncio.gather(*heap, return_exceptions=True)
        wrong = [a for a in answers if isinstance(a, Exception) and not isinstance(a, AlreadyUndone)]
        assert wrong == []

    assert (await shop.inventory.levels())["SKU-1"] == Level(1000, 0, 0, 1000)
