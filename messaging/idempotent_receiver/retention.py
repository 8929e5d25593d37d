"""Pruning of receipts: a receipt is needed until the last redelivery of its request is over."""

from collections.abc import Sequence

from psycopg.sql import SQL, Identifier

from postgres.database import Database

# A receipt that is still `done`, because an operator waived its undo, explains missing stock or money.
_PRUNE = """
with pruned as (
  delete from {schema}.receipts where key = any(%(keys)s) and status <> 'done' returning 1
)
select count(*) from pruned
"""


async def prune_receipts(db: Database, schema: str, keys: Sequence[str]) -> int:
    """Delete the receipts of these keys; return their number; raise Unavailable.

    A receipt that is still `done` is kept.
    """
    query = SQL(_PRUNE).format(schema=Identifier(schema)).as_bytes(None)
    row = await db.row(query, {"keys": list(keys)})
    return int(row[0]) if row else 0
