"""The receipts of one process: which of its effects a service knows, in the order in which it recorded them."""

from typing import LiteralString

from psycopg.sql import SQL, Identifier

from models.money import Money
from models.names import key, slip_of
from models.recovery import EffectReceipt
from postgres.database import Database

_RECEIPTS: LiteralString = """
select substr(key, length(%(prefix)s) + 1), status, created_at, answer #>> '{{amount,amount}}',
  answer #>> '{{amount,currency}}'
from {schema}.receipts
where """
# The steps of a slip are not known here. The first condition selects the index `of_slips`.
_OF_SLIP: LiteralString = "key like 'slip.%%' and key ~>=~ %(prefix)s and key ~<~ %(behind)s order by created_at, key"
_OF_ORDER: LiteralString = "key = %(key)s"


def index_of_slips(schema: str) -> str:
    """Return the SQL of the index that finds the receipts of one slip, for a migration of the schema."""
    return f"create index of_slips on {schema}.receipts (key text_pattern_ops) where key like 'slip.%'"


async def receipts_of(db: Database, schema: str, process: str, order_step: str | None) -> list[EffectReceipt]:
    """Return the receipts of a process in a service's schema, oldest first; raise Unavailable.

    `process` is its name in keys; `order_step` is the step of every order in this service, None if it has none.
    """
    is_slip = slip_of(process) is not None
    if not is_slip and order_step is None:
        return []
    prefix = key(process, "")
    params = {"prefix": prefix, "behind": prefix[:-1] + chr(ord(prefix[-1]) + 1), "key": f"{prefix}{order_step}"}
    query = SQL(_RECEIPTS + (_OF_SLIP if is_slip else _OF_ORDER)).format(schema=Identifier(schema))
    rows = await db.rows(query.as_bytes(None), params)
    return [
        EffectReceipt(step=step, status=status, at=at, amount=_money(amount, currency))
        for step, status, at, amount, currency in rows
    ]


def _money(amount: str | None, currency: str | None) -> Money | None:
    return Money(amount=int(amount), currency=currency) if amount and currency else None
