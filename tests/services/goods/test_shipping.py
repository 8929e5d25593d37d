import asyncio

import pytest

from models.activities.shipping import Recalled
from models.errors import AlreadyUndone, KeyReused, ShipmentRefused
from tests.services import requests
from tests.services.shop import Shop


async def parcels(shop: Shop) -> list[tuple[object, ...]]:
    query = b"select tracking, recalled_at is not null from shipping.parcels"
    return await shop.db.rows(query)


async def test_100_shipments_of_one_key_at_once_are_one_parcel(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.shipping.create(requests.create()) for _ in range(100)))

    assert len({answer.tracking for answer in answers}) == 1
    assert await parcels(shop) == [(answers[0].tracking, False)]


async def test_a_parcel_can_be_taken_back_and_is_not_handed_over_again(shop: Shop) -> None:
    shipment = await shop.shipping.create(requests.create())

    for _ in range(2):
        assert await shop.shipping.cancel(requests.cancel()) == Recalled(tracking=shipment.tracking)

    with pytest.raises(AlreadyUndone):
        await shop.shipping.create(requests.create())
    assert await parcels(shop) == [(shipment.tracking, True)]


async def test_cancelling_a_shipment_that_never_came_stops_it_when_it_comes(shop: Shop) -> None:
    assert await shop.shipping.cancel(requests.cancel()) == Recalled()

    for _ in range(2):
        with pytest.raises(AlreadyUndone):
            await shop.shipping.create(requests.create())

    assert await parcels(shop) == []


async def test_a_parcel_that_was_handed_over_unknown_to_us_is_taken_back(shop: Shop) -> None:
    tracking = await shop.carrier.create("o-1:ship", requests.lines(SKU_1=2), requests.address())

    assert await shop.shipping.cancel(requests.cancel()) == Recalled(tracking=tracking)
    assert await parcels(shop) == [(tracking, True)]


async def test_the_carriers_refusal_stands(shop: Shop) -> None:
    for _ in range(2):
        with pytest.raises(ShipmentRefused, match="postcode"):
            await shop.shipping.create(requests.create(postcode="00000"))

    assert await shop.shipping.cancel(requests.cancel()) == Recalled()
    assert await parcels(shop) == []


async def test_a_key_ships_to_one_address(shop: Shop) -> None:
    await shop.shipping.create(requests.create(postcode="69001"))

    with pytest.raises(KeyReused):
        await shop.shipping.create(requests.create(postcode="69002"))
