"""The rules of the idempotent receiver, tested on the inventory, which takes the most locks."""

import asyncio

import pytest

from models.activities.inventory import Released, Reservation
from models.errors import AlreadySettled, AlreadyUndone, Final, KeyReused, NotFound
from services.inventory.inventory import Level
from tests.services import requests
from tests.services.shop import Shop

UNTOUCHED = Level(available=1000, reserved=0, sold=0, received=1000)


async def level(shop: Shop) -> Level:
    return (await shop.inventory.levels())["SKU-1"]


async def receipt(shop: Shop) -> tuple[object, ...] | None:
    return await shop.db.row(b"select status, undos from inventory.receipts", {})


async def settle(shop: Shop) -> None:
    await shop.inventory.settle(requests.settle_stock())


async def test_100_concurrent_duplicates_have_one_effect_and_100_equal_answers(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.inventory.reserve(requests.reserve()) for _ in range(100)))

    assert answers == [Reservation(lines=requests.lines(SKU_1=2))] * 100
    assert await level(shop) == Level(998, 2, 0, 1000)


async def test_a_late_do_is_refused_by_the_tombstone_every_time(shop: Shop) -> None:
    assert await shop.inventory.release(requests.release()) == Released()

    for _ in range(2):
        with pytest.raises(AlreadyUndone):
            await shop.inventory.reserve(requests.reserve())

    assert await level(shop) == UNTOUCHED
    assert await receipt(shop) == ("tombstone", 1)


async def test_a_do_that_was_undone_is_refused_every_time(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve())
    await shop.inventory.release(requests.release())

    for _ in range(2):
        with pytest.raises(AlreadyUndone):
            await shop.inventory.reserve(requests.reserve())

    assert await level(shop) == UNTOUCHED


async def test_20_concurrent_undos_undo_once(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve())

    answers = await asyncio.gather(*(shop.inventory.release(requests.release()) for _ in range(20)))

    assert answers == [Released(lines=requests.lines(SKU_1=2))] * 20
    assert await level(shop) == UNTOUCHED
    assert await receipt(shop) == ("undone", 20)


async def test_a_key_is_for_one_request(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve(SKU_1=2))

    with pytest.raises(KeyReused):
        await shop.inventory.reserve(requests.reserve(SKU_1=3))

    assert await level(shop) == Level(998, 2, 0, 1000)


async def test_a_settled_effect_can_be_repeated_but_not_undone(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve())
    await settle(shop)
    await settle(shop)

    assert await shop.inventory.reserve(requests.reserve()) == Reservation(lines=requests.lines(SKU_1=2))
    for _ in range(2):
        with pytest.raises(AlreadySettled):
            await shop.inventory.release(requests.release())
    assert await level(shop) == Level(998, 0, 2, 1000)


async def test_an_effect_that_was_never_done_can_not_be_settled(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await settle(shop)


async def test_an_undone_effect_can_not_be_settled(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve())
    await shop.inventory.release(requests.release())

    with pytest.raises(Final, match="undone"):
        await settle(shop)

    assert await level(shop) == UNTOUCHED
