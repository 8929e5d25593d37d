"""A do and its undo at the same moment, in every order that the locks allow."""

import asyncio

import pytest

from models.activities.inventory import Released, Reservation
from models.errors import AlreadyUndone
from services.inventory.inventory import Level
from tests.services import requests
from tests.services.races import Uncommitted, held_stock, waiting
from tests.services.shop import Shop

UNTOUCHED = Level(available=1000, reserved=0, sold=0, received=1000)


async def level(shop: Shop) -> Level:
    return (await shop.inventory.levels())["SKU-1"]


async def test_an_undo_waits_for_the_do_in_flight_and_undoes_it(shop: Shop, url: str) -> None:
    async with held_stock(url):
        do = asyncio.create_task(shop.inventory.reserve(requests.reserve()))
        await waiting(shop, 1)
        undo = asyncio.create_task(shop.inventory.release(requests.release()))
        await waiting(shop, 2)

    assert await do == Reservation(lines=requests.lines(SKU_1=2))
    assert await undo == Released(lines=requests.lines(SKU_1=2))
    assert await level(shop) == UNTOUCHED


async def test_a_repeated_do_and_an_undo_do_not_wait_for_each_other(shop: Shop, url: str) -> None:
    """The do holds one article and goes for the receipt; the undo must not hold the receipt and go for the article."""
    request = requests.reserve(SKU_1=1, SKU_2=1)
    await shop.inventory.reserve(request)
    async with held_stock(url, "SKU-2"):
        again = asyncio.create_task(shop.inventory.reserve(request))
        await waiting(shop, 1)
        undo = asyncio.create_task(shop.inventory.release(requests.release()))
        await waiting(shop, 2)

    answer, released = await asyncio.gather(again, undo, return_exceptions=True)
    assert isinstance(answer, Reservation | AlreadyUndone)
    assert released == Released(lines=request.lines)
    assert await level(shop) == UNTOUCHED


async def test_an_undo_that_has_to_wait_for_an_uncommitted_receipt_sees_its_answer(shop: Shop, url: str) -> None:
    """The undo's statement began before the do was committed: it must still find what to put back."""
    async with shop.db.transaction() as connection:
        held = Uncommitted(shop, connection)
        await held.reserve()
        undo = asyncio.create_task(shop.inventory.release(requests.release()))
        await waiting(shop, 1)

    assert await undo == Released(lines=requests.lines(SKU_1=2))
    assert await level(shop) == UNTOUCHED


async def test_a_do_that_has_to_wait_for_an_uncommitted_tombstone_is_refused(shop: Shop) -> None:
    async with shop.db.transaction() as connection:
        await Uncommitted(shop, connection).release()
        do = asyncio.create_task(shop.inventory.reserve(requests.reserve()))
        await waiting(shop, 1)

    with pytest.raises(AlreadyUndone):
        await do
    assert await level(shop) == UNTOUCHED


async def test_a_do_whose_rival_rolls_back_goes_ahead(shop: Shop) -> None:
    async with shop.db.transaction() as connection, connection.transaction(force_rollback=True):
        await Uncommitted(shop, connection).release()
        do = asyncio.create_task(shop.inventory.reserve(requests.reserve()))
        await waiting(shop, 1)

    assert await do == Reservation(lines=requests.lines(SKU_1=2))
