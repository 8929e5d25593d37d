"""The services with the real port to what was accepted, and what a refused request may have changed."""

import pytest

from providers.registry import Providers
from services.assembly import Services
from tests.services.shop import Shop

RECEIPTS = b"""
select key from inventory.receipts union all select key from payments.receipts
union all select key from shipping.receipts union all select key from wrapping.receipts order by key
"""
TRACES = b"""
select (select count(*) from card_provider.calls), (select count(*) from carrier.calls),
  (select count(*) from payments.transfers), (select count(*) from payments.ledger),
  (select count(*) from shipping.parcels), (select count(*) from wrapping.work)
"""


@pytest.fixture
def services(shop: Shop) -> Services:
    return Services(shop.db, Providers(shop.provider, shop.carrier))


async def traces(services: Services) -> tuple[list[str], object]:
    """Return the keys with a receipt, and the numbers of calls and entries of each party."""
    keys = [key for (key,) in await services.db.rows(RECEIPTS)]
    return keys, await services.db.row(TRACES, {})
