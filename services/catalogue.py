"""The demo catalogue: SKU-1 to SKU-20 with 1000 of each in stock, and SKU-RARE, of which there is one."""

from services.database import Database

# SKU, price in euro cents, stock.
ARTICLES = [(f"SKU-{n}", 990 + 500 * n, 1000) for n in range(1, 21)] + [("SKU-RARE", 24_900, 1)]

_PRICES = b"""
insert into orders.catalogue (sku, price, currency)
select sku, price, 'EUR' from unnest(%(skus)s::text[], %(prices)s::bigint[]) as article (sku, price)
on conflict (sku) do nothing
"""

_STOCK = b"""
insert into inventory.stock (sku, available, received)
select sku, received, received from unnest(%(skus)s::text[], %(stock)s::bigint[]) as article (sku, received)
order by sku
on conflict (sku) do nothing
"""


async def load(db: Database) -> None:
    """Add the articles that aren't there yet; what is there keeps its price and its stock."""
    skus, prices, stock = (list(column) for column in zip(*ARTICLES, strict=True))
    async with db.transaction() as connection:
        await db.rows(_PRICES, {"skus": skus, "prices": prices}, connection)
        await db.rows(_STOCK, {"skus": skus, "stock": stock}, connection)
