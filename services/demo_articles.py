"""The demo's articles: SKU-1 to SKU-20 with 1000 pieces each in stock, and SKU-RARE with one piece."""

from postgres.database import Database
from services.accepted import accepted_on
from services.databases import Databases
from services.inventory.inventory import Inventory
from services.orders.catalogue import Catalogue

# SKU: price in euro cents, pieces in stock.
ARTICLES = {f"SKU-{n}": (990 + 500 * n, 1000) for n in range(1, 21)} | {"SKU-RARE": (24_900, 1)}


async def load(given: Databases | Database) -> None:
    """Add the missing articles; existing ones keep their price and stock; raise Unavailable."""
    databases = Databases.of(given)
    await load_prices(databases.orders)
    await load_stock(databases.inventory)


async def load_prices(db: Database) -> None:
    """Add the missing articles to the catalogue of the orders; raise Unavailable."""
    await Catalogue(db).add({sku: price for sku, (price, _) in ARTICLES.items()})


async def load_stock(db: Database) -> None:
    """Add the missing articles to the stock; raise Unavailable."""
    await Inventory(db, accepted_on(db)).receive({sku: pieces for sku, (_, pieces) in ARTICLES.items()})
