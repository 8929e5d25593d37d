"""The conservation check finds each kind of violation."""

import pytest

from tests.conservation import assert_conserved
from tests.services import requests
from tests.services.shop import Shop


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            b"update inventory.stock set available = available - 1, reserved = reserved + 1 where sku = 'SKU-1'",
            "reserved",
        ),
        (b"update inventory.stock set available = available - 1, sold = sold + 1 where sku = 'SKU-1'", "sold"),
        (b"update payments.receipts set status = 'undone'", "neither finished nor waived"),
        (b"delete from payments.receipts", "don't match"),
        (b"update card_provider.entries set status = 'taken_back'", "provider's entries and the payments ledger"),
        (
            b"insert into card_provider.calls (key, operation, outcome) values ('o-1:charge', 'charge', 'taken')",
            "twice",
        ),
        (b"update shipping.parcels set recalled_at = now()", "carrier's entries"),
        (b"update orders.orders set status = 'compensated', closed_at = now()", "an undone order has an open effect"),
        (b"update orders.orders set status = 'completed', closed_at = now()", "a completed order is not settled"),
    ],
)
async def test_damage_is_found(unchecked_shop: Shop, damage: bytes, message: str) -> None:
    shop = unchecked_shop
    await shop.orders.accept(requests.order())
    await shop.inventory.reserve(requests.reserve())
    await shop.payments.charge(requests.charge())
    await shop.shipping.create(requests.create())
    await assert_conserved(shop.db)

    await shop.db.rows(damage)

    with pytest.raises(AssertionError, match=message):
        await assert_conserved(shop.db)


async def test_an_order_in_flight_is_no_violation(unchecked_shop: Shop) -> None:
    await unchecked_shop.provider.charge("o-1:charge", "tok_ok", requests.charge().amount)

    await assert_conserved(unchecked_shop.db, at_rest=False)
    with pytest.raises(AssertionError, match="provider's entries and the payments ledger"):
        await assert_conserved(unchecked_shop.db)
