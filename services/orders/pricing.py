"""The price of articles by the catalogue, before an order is placed."""

from models.activities.orders import PriceArticles, Priced
from models.errors import OrderRejected
from models.money import Money
from postgres.database import Database

_PRICE = b"""
select sum(article.price * quantity)::bigint, string_agg(wanted.sku, ', ') filter (where article.sku is null)
from unnest(%(skus)s::text[], %(quantities)s::bigint[]) as wanted (sku, quantity)
left join orders.catalogue as article
  on article.sku = wanted.sku and article.active and article.currency = 'EUR'
"""


class Pricing:
    """Prices articles by the catalogue."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def price(self, request: PriceArticles) -> Priced:
        """Return the total of all lines; raise OrderRejected for an unknown article or another total, Unavailable."""
        skus = [line.sku for line in request.lines]
        quantities = [line.quantity for line in request.lines]
        total, unknown = await self._db.row(_PRICE, {"skus": skus, "quantities": quantities}) or (None, None)
        if unknown is not None:
            raise OrderRejected(f"not in the catalogue: {unknown}")
        if request.total not in {None, total}:
            raise OrderRejected(f"total: is {total} by the catalogue, not {request.total}")
        return Priced(total=Money(amount=total, currency="EUR"))
