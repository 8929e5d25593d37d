"""The catalogue: the price of each article."""

from collections.abc import Mapping

from postgres.database import Database

_ADD = b"""
insert into orders.catalogue (sku, price, currency)
select sku, price, %(currency)s from unnest(%(skus)s::text[], %(prices)s::bigint[]) as article (sku, price)
on conflict (sku) do nothing
"""


class Catalogue:
    """Holds the articles that can be ordered."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, prices: Mapping[str, int], currency: str = "EUR") -> None:
        """Add the missing articles, `prices`: SKU → price in minor units; raise Unavailable."""
        await self._db.rows(_ADD, {"skus": list(prices), "prices": list(prices.values()), "currency": currency})
