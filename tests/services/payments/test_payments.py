"""Payments by card: charges, refunds and the ledger."""

import asyncio

import psycopg
import pytest

from models.activities.payments import Refunded
from models.errors import AlreadySettled, AlreadyUndone, CardDeclined, KeyReused
from tests.services import requests
from tests.services.payments.ledger import AMOUNT, HELD, NOTHING, kinds, settle
from tests.services.shop import Shop


async def test_a_charge_is_held_until_it_is_settled(shop: Shop) -> None:
    charge = await shop.payments.charge(requests.charge())
    held = await shop.ledger.balances()
    await settle(shop)
    await settle(shop)

    assert charge.amount == AMOUNT
    assert charge.charge_id.startswith("ch_")
    assert held == HELD
    assert await shop.ledger.balances() == {"card_clearing": 2980, "bank": 0, "held": 0, "revenue": 2980}


async def test_repeated_refunds_return_the_amount_once(shop: Shop) -> None:
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


async def test_a_refund_before_its_charge_refuses_the_charge(shop: Shop) -> None:
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


async def test_a_charge_that_only_the_provider_recorded_is_booked_and_refunded(shop: Shop) -> None:
    """The worker died between the provider's answer and the ledger entry."""
    await shop.provider.charge("o-1:charge", "tok_ok", AMOUNT)

    refunded = await shop.payments.refund(requests.refund())

    assert refunded.amount == AMOUNT
    assert await kinds(shop) == ["charge", "refund"]
    assert await shop.ledger.balances() == NOTHING


async def test_a_settled_charge_is_not_refunded(shop: Shop) -> None:
    await shop.payments.charge(requests.charge())
    await settle(shop)

    with pytest.raises(AlreadySettled):
        await shop.payments.refund(requests.refund())

    assert await shop.provider.find("o-1:charge") is not None


@pytest.mark.parametrize(
    "statement", [b"update payments.ledger set amount = 1", b"delete from payments.ledger", b"truncate payments.ledger"]
)
async def test_the_ledger_is_append_only(shop: Shop, statement: bytes) -> None:
    await shop.payments.charge(requests.charge())

    with pytest.raises(psycopg.errors.RaiseException, match="only grows"):
        await shop.db.rows(statement)
