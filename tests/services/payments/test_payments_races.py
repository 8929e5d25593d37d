"""Concurrent charges and refunds of one key."""

import asyncio

import pytest

from models.activities.payments import Charge
from models.errors import AlreadyUndone, Unavailable
from models.money import Money
from providers.ports import CapturedCharge
from providers.simulated.card_provider import SimulatedCardProvider
from services.payments.payments import Payments
from tests.services import requests
from tests.services.payments.ledger import AMOUNT, HELD, NOTHING, kinds, settle
from tests.services.shop import Shop


async def test_100_charges_of_one_key_at_once_take_the_money_once(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.payments.charge(requests.charge()) for _ in range(100)))

    assert len({answer.charge_id for answer in answers}) == 1
    assert await shop.ledger.balances() == HELD
    assert await kinds(shop) == ["charge"]


async def test_a_charge_that_resumes_after_its_refund_is_not_booked(shop: Shop) -> None:
    """The attempt has received the provider's answer when its worker is frozen."""
    captured, refunded = asyncio.Event(), asyncio.Event()

    class Frozen(SimulatedCardProvider):
        async def charge(self, key: str, token: str, amount: Money) -> CapturedCharge:
            answer = await shop.provider.charge(key, token, amount)
            captured.set()
            await refunded.wait()
            return answer

    late = asyncio.create_task(Payments(shop.db, Frozen(shop.db), shop.accepted).charge(requests.charge()))
    await captured.wait()
    await shop.payments.refund(requests.refund())
    refunded.set()

    with pytest.raises(AlreadyUndone):
        await late
    assert await shop.ledger.balances() == NOTHING


async def test_a_concurrent_charge_and_refund_end_without_a_charge(shop: Shop) -> None:
    for number in range(30):
        order_id = f"o-{number}"
        charge, _ = await asyncio.gather(
            shop.payments.charge(requests.charge(order_id)),
            shop.payments.refund(requests.refund(order_id)),
            return_exceptions=True,
        )
        assert isinstance(charge, Charge | AlreadyUndone)
        await shop.payments.refund(requests.refund(order_id))

    assert await shop.ledger.balances() == NOTHING


async def test_a_refund_that_has_begun_prevents_the_settlement(shop: Shop) -> None:
    await shop.payments.charge(requests.charge(token="tok_refund_flaky_1"))
    with pytest.raises(Unavailable):
        await shop.payments.refund(requests.refund())

    with pytest.raises(Exception, match="undone"):
        await settle(shop)

    assert (await shop.payments.refund(requests.refund())).amount == AMOUNT
