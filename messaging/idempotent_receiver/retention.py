"""Receipts that are no longer needed: both a late do and a repeated one are over once the last redelivery is."""

from collections.abc import Sequence

from psycopg.sql import SQL, Identifier

from postgres.database import Database

# What is still done, since somebody waived its undo, explains stock or money that is missing.
_PRUNE = """
with pruned as (
  delete from {schema}.receipts where key = any(%(keys)s) and (status <> 'done' or key = any(%(settled)s)) returning 1
)
select count(*) from pruned
"""


async def prune_receipts(unit: Database, schema: str, keys: Sequence[str], settled: Sequence[str] = ()) -> int:
    """Delete the receipts of these keys, in the caller's transaction; return how many; raise Unavailable.

    One that is still `done` stays, unless it is among the `settled` keys: those of a service that settles nothing.
    """
    query = SQL(_PRUNE).format(schema=Identifier(schema)).as_bytes(None)
    row = await unit.row(query, {"keys": list(keys), "settled": list(settled)})
    return int(row[0]) if row else 0
