"""The balances of the ledger's accounts."""

from postgres.database import Database

_BALANCES = b"""
select account,
  coalesce((select sum(amount) from payments.ledger where debit = account and currency = %(currency)s), 0)::bigint,
  coalesce((select sum(amount) from payments.ledger where credit = account and currency = %(currency)s), 0)::bigint
from unnest(array['card_clearing', 'bank', 'held', 'revenue']) as account
"""


class Ledger:
    """Reads the ledger, which is written only together with the effects of payments."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def balances(self, currency: str = "EUR") -> dict[str, int]:
        """Return account → balance in minor units; card_clearing + bank = held + revenue."""
        rows = await self._db.rows(_BALANCES, {"currency": currency})
        # card_clearing and bank are assets, which a debit raises; held and revenue are raised by a credit.
        return {
            account: debited - credited if account in {"card_clearing", "bank"} else credited - debited
            for account, debited, credited in rows
        }
