"""What the tests of payments look at: the amount, the accounts, the ledger's entries."""

from models.money import Money
from tests.services import requests
from tests.services.shop import Shop

AMOUNT = Money(amount=2980, currency="EUR")
NOTHING = {"card_clearing": 0, "bank": 0, "held": 0, "revenue": 0}
HELD = {"card_clearing": 2980, "bank": 0, "held": 2980, "revenue": 0}


async def kinds(shop: Shop) -> list[str]:
    return [kind for (kind,) in await shop.db.rows(b"select kind from payments.ledger order by entry")]


async def settle(shop: Shop) -> None:
    await shop.payments.settle(requests.settle_payment())
