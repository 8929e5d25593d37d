"""The receipts of one process: which of its effects a service knows, in the order in which it recorded them."""

from psycopg.sql import SQL, Identifier

from models.money import Money
from models.names import key
from models.recovery import EffectReceipt
from postgres.database import Database

# Only slips have steps that the process's own table doesn't name. The first condition selects the index `of_slips`.
_OF_PROCESS = """
select substr(key, length(%(prefix)s) + 1), status, created_at, answer #>> '{{amount,amount}}',
  answer #>> '{{amount,currency}}'
from {schema}.receipts
where key like 'slip.%%' and key ~>=~ %(prefix)s and key ~<~ %(behind)s
order by created_at, key
"""


def index_of_slips(schema: str) -> str:
    """Return the SQL of the index that finds the receipts of one slip, for a migration of the schema."""
    return f"create index of_slips on {schema}.receipts (key text_pattern_ops) where key like 'slip.%'"


async def receipts_of_slip(db: Database, schema: str, process: str) -> list[EffectReceipt]:
    """Return a slip's receipts in a service's schema, oldest first; raise Unavailable.

    `process` is the slip's name in keys, the result of `slip_process`.
    """
    prefix = key(process, "")
    params = {"prefix": prefix, "behind": prefix[:-1] + chr(ord(prefix[-1]) + 1)}
    rows = await db.rows(SQL(_OF_PROCESS).format(schema=Identifier(schema)).as_bytes(None), params)
    return [
        EffectReceipt(step=step, status=status, at=at, amount=_money(amount, currency))
        for step, status, at, amount, currency in rows
    ]


def _money(amount: str | None, currency: str | None) -> Money | None:
    return Money(amount=int(amount), currency=currency) if amount and currency else None
