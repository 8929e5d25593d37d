"""The checker itself: each thing it promises to notice, it notices."""

import pytest

from tests.conservation import assert_conserved
from tests.services import requests
from tests.services.shop import Shop


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            b"update inventory.stock set available = available - 1, reserved = reserved + 1 where sku = 'SKU-1'",
            "reserved",
        ),
        (b"update inventory.stock set available = available - 1, sold = sold + 1 where sku = 'SKU-1'", "sold"),
        (b"update payments.receipts set status = 'undone'", "begun and not finished"),
        (b"delete from payments.receipts", "doesn't explain"),
        (b"update card_provider.entries set status = 'taken_back'", "provider's book and our ledger"),
        (
            b"insert into card_provider.calls (key, operation, outcome) values ('o-1:charge', 'charge', 'taken')",
            "twice",
        ),
        (b"update shipping.parcels set recalled_at = now()", "carrier's book"),
        (b"update orders.orders set status = 'compensated', closed_at = now()", "an undone order has an open effect"),
        (b"update orders.orders set status = 'completed', closed_at = now()", "a completed order is not settled"),
    ],
)
async def test_harm_is_noticed(unchecked_shop: Shop, harm: bytes, said: str) -> None:
    shop = unchecked_shop
    await shop.orders.accept(requests.order())
    await shop.inventory.reserve(requests.reserve())
    await shop.payments.charge(requests.charge())
    await shop.shipping.create(requests.create())
    await assert_conserved(shop.db)

    await shop.db.rows(harm)

    with pytest.raises(AssertionError, match=said):
        await assert_conserved(shop.db)


async def test_an_order_in_flight_is_not_harm(unchecked_shop: Shop) -> None:
    await unchecked_shop.provider.charge("o-1:charge", "tok_ok", requests.charge().amount)

    await assert_conserved(unchecked_shop.db, at_rest=False)
    with pytest.raises(AssertionError, match="provider's book and our ledger"):
        await assert_conserved(unchecked_shop.db)
