import asyncio

import psycopg
import pytest

from models.activities.payments import Refunded
from models.errors import AlreadySettled, AlreadyUndone, CardDeclined, KeyReused
from models.money import Money
from tests.services import requests
from tests.services.shop import Shop

AMOUNT = Money(amount=2980, currency="EUR")
NOTHING = {"card_clearing": 0, "bank": 0, "held": 0, "revenue": 0}
HELD = {"card_clearing": 2980, "bank": 0, "held": 2980, "revenue": 0}


async def kinds(shop: Shop) -> list[str]:
    return [kind for (kind,) in await shop.db.rows(b"select kind from payments.ledger order by entry")]


async def settle(shop: Shop) -> None:
    async with shop.db.pipeline() as pipeline:
        await (await shop.payments.settle(pipeline, "o-1:charge")).end()


async def test_a_charge_is_held_until_it_is_settled(shop: Shop) -> None:
    charge = await shop.payments.charge(requests.charge())
    held = await shop.ledger.balances()
    await settle(shop)
    await settle(shop)

    assert charge.amount == AMOUNT
    assert charge.charge_id.startswith("ch_")
    assert held == HELD
    assert await shop.ledger.balances() == {"card_clearing": 2980, "bank": 0, "held": 0, "revenue": 2980}


async def test_a_refund_gives_everything_back_once_however_often_it_is_asked(shop: Shop) -> None:
    await shop.payments.charge(requests.charge())

    answers = await asyncio.gather(*(shop.payments.refund(requests.refund()) for _ in range(20)))

    assert len({answer.refund_id for answer in answers}) == 1
    assert answers[0].amount == AMOUNT
    assert await shop.ledger.balances() == NOTHING
    assert await kinds(shop) == ["charge", "refund"]


async def test_a_declined_card_stays_declined_and_has_nothing_to_refund(shop: Shop) -> None:
    for _ in range(2):
        with pytest.raises(CardDeclined, match="declined"):
            await shop.payments.charge(requests.charge(token="tok_declined"))

    assert await shop.payments.refund(requests.refund()) == Refunded()
    assert await kinds(shop) == []


async def test_the_refund_of_a_charge_that_never_came_stops_it_when_it_comes(shop: Shop) -> None:
    assert await shop.payments.refund(requests.refund()) == Refunded()

    for _ in range(2):
        with pytest.raises(AlreadyUndone):
            await shop.payments.charge(requests.charge())

    assert await shop.ledger.balances() == NOTHING
    assert await shop.provider.find("o-1:charge") is None


async def test_a_key_charges_one_amount(shop: Shop) -> None:
    await shop.payments.charge(requests.charge(amount=2980))

    with pytest.raises(KeyReused):
        await shop.payments.charge(requests.charge(amount=2981))

    assert await shop.ledger.balances() == HELD


async def test_money_that_was_taken_unknown_to_our_ledger_is_booked_and_given_back(shop: Shop) -> None:
    """The worker died between the provider's answer and our own books."""
    await shop.provider.charge("o-1:charge", "tok_ok", AMOUNT)

    refunded = await shop.payments.refund(requests.refund())

    assert refunded.amount == AMOUNT
    assert await kinds(shop) == ["charge", "refund"]
    assert await shop.ledger.balances() == NOTHING


async def test_a_settled_charge_is_not_refunded_not_even_by_the_provider(shop: Shop) -> None:
    await shop.payments.charge(requests.charge())
    await settle(shop)

    with pytest.raises(AlreadySettled):
        await shop.payments.refund(requests.refund())

    assert await shop.provider.find("o-1:charge") is not None


@pytest.mark.parametrize(
    "statement", [b"update payments.ledger set amount = 1", b"delete from payments.ledger", b"truncate payments.ledger"]
)
async def test_the_ledger_only_grows(shop: Shop, statement: bytes) -> None:
    await shop.payments.charge(requests.charge())

    with pytest.raises(psycopg.errors.RaiseException, match="only grows"):
        await shop.db.rows(statement)
