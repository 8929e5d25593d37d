"""The demo's articles: SKU-1 to SKU-20 with 1000 pieces each in stock, and SKU-RARE with one piece."""

from postgres.database import Database
from services.accepted import accepted_on
from services.inventory.inventory import Inventory
from services.orders.catalogue import Catalogue

# SKU: price in euro cents, pieces in stock.
ARTICLES = {f"SKU-{n}": (990 + 500 * n, 1000) for n in range(1, 21)} | {"SKU-RARE": (24_900, 1)}


async def load(db: Database) -> None:
    """Add the missing articles; existing ones keep their price and stock; raise Unavailable."""
    await Catalogue(db).add({sku: price for sku, (price, _) in ARTICLES.items()})
    await Inventory(db, accepted_on(db)).receive({sku: pieces for sku, (_, pieces) in ARTICLES.items()})
