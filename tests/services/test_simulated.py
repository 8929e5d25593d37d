"""The simulated card provider and carrier: their test values and their recorded calls."""

import asyncio

import pytest

from models.errors import CardDeclined, Unavailable
from models.money import Money
from postgres.database import Database
from providers.simulated.card_provider import SimulatedCardProvider
from tests.services import requests
from tests.services.shop import Shop

AMOUNT = Money(amount=500, currency="EUR")


async def log(db: Database, schema: str = "card_provider") -> list[tuple[str, str]]:
    rows = await db.rows(f"select operation, outcome from {schema}.calls order by seq".encode())  # noqa: S608
    return [(operation, outcome) for operation, outcome in rows]


async def recorded(db: Database, outcome: str) -> None:
    """Wait until the provider has recorded a call with this outcome."""
    async with asyncio.timeout(5):
        while outcome not in [found for _, found in await log(db)]:
            await asyncio.sleep(0.01)


async def test_a_flaky_card_fails_as_often_as_its_token_says_even_across_restarts(db: Database) -> None:
    for _ in range(2):
        with pytest.raises(Unavailable):
            await SimulatedCardProvider(db).charge("k", "tok_flaky_2", AMOUNT)

    captured = await SimulatedCardProvider(db).charge("k", "tok_flaky_2", AMOUNT)

    assert captured.amount == AMOUNT
    assert await SimulatedCardProvider(db).charge("k", "tok_flaky_2", AMOUNT) == captured
    assert [outcome for _, outcome in await log(db)] == ["unavailable", "unavailable", "taken", "repeated"]


async def test_a_charge_refunded_before_it_succeeded_is_refused_permanently(db: Database) -> None:
    provider = SimulatedCardProvider(db)
    with pytest.raises(Unavailable):
        await provider.charge("k", "tok_flaky_1", AMOUNT)

    assert await provider.refund("k") is None

    with pytest.raises(Exception, match="taken back"):
        await provider.charge("k", "tok_flaky_1", AMOUNT)
    assert await log(db) == [("charge", "unavailable"), ("refund", "nothing to undo"), ("charge", "too late")]


async def test_a_lost_answer_is_found_by_the_next_attempt(shop: Shop) -> None:
    request = requests.charge(token="tok_hang_after")
    charge = asyncio.create_task(shop.payments.charge(request))
    await recorded(shop.db, "taken")
    done, _ = await asyncio.wait([charge], timeout=0.2)
    charge.cancel()
    assert not done

    again = await shop.payments.charge(request)

    found = await shop.provider.find(request.key)
    assert found is not None
    assert again.charge_id == found.charge_id
    assert [outcome for _, outcome in await log(shop.db)][:2] == ["taken", "repeated"]


async def test_when_every_answer_is_lost_the_refund_still_finds_the_charge(shop: Shop) -> None:
    request = requests.charge(token="tok_lost_after")
    calls = [
        asyncio.create_task(shop.payments.charge(request)),
        asyncio.create_task(shop.payments.charge(request)),
    ]
    await recorded(shop.db, "repeated")
    calls.append(asyncio.create_task(shop.provider.find(request.key)))  # type: ignore[arg-type]
    done, _ = await asyncio.wait(calls, timeout=0.3)
    for call in calls:
        call.cancel()
    assert not done

    assert (await shop.payments.refund(requests.refund())).amount == request.amount


async def test_a_flaky_refund_fails_as_often_as_its_token_says(shop: Shop) -> None:
    await shop.payments.charge(requests.charge(token="tok_refund_flaky_2"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await shop.payments.refund(requests.refund())

    assert (await shop.payments.refund(requests.refund())).refund_id is not None
    outcomes = [outcome for _, outcome in await log(shop.db)]
    assert outcomes == ["taken", "unavailable", "unavailable", "taken_back"]


async def test_a_refund_that_always_fails_leaves_the_charge_unchanged(db: Database) -> None:
    provider = SimulatedCardProvider(db)
    captured = await provider.charge("k", "tok_refund_fails", AMOUNT)
    for _ in range(6):
        with pytest.raises(Unavailable):
            await provider.refund("k")

    assert await provider.find("k") == captured


@pytest.mark.parametrize("token", ["tok_declined", "tok_anything_else", "tok_flaky_x"])
async def test_unknown_tokens_are_declined(db: Database, token: str) -> None:
    with pytest.raises(CardDeclined):
        await SimulatedCardProvider(db).charge("k", token, AMOUNT)


async def test_the_carrier_fails_as_often_as_the_postcode_says(shop: Shop) -> None:
    for _ in range(3):
        with pytest.raises(Unavailable):
            await shop.shipping.create(requests.create(postcode="00003"))

    shipment = await shop.shipping.create(requests.create(postcode="00003"))

    assert await shop.carrier.find("o-1:ship") == shipment.tracking
    outcomes = [outcome for _, outcome in await log(shop.db, "carrier")]
    assert outcomes == ["unavailable", "unavailable", "unavailable", "taken", "found"]
