"""Letting go of orders that ended long ago: their receipts, their kept steps, and what is personal in them.

What stays is small and must stay: that the id was used, for what and with which outcome, so that no order is ever
placed twice; the ledger and the parcels, which are books. Receipts stop a do that comes late and answer one that is
repeated: both are over once the last attempt and the last redelivery are, so what is younger than a week stays.
"""

from dataclasses import dataclass

from models.errors import InvalidInput
from services.database import Database

DAYS_AT_LEAST = 7
_DAY = 86_400
_AT_ONCE = 500

# What waits for a person in the outbox is not over, however long ago its order ended; and what is still done, since
# somebody waived its undo, explains stock or money that is missing.
_OLD = """
select order_id from orders.orders as held
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'payment'
  and not exists (select from outbox.dead where dead.process_id = held.order_id)
"""
_COUNT = f"select count(*) from ({_OLD}) as old".encode()  # noqa: S608 - of constants
_PRUNE = f"""
with old as materialized ({_OLD} order by closed_at limit %(limit)s for update skip locked),
key as (select order_id || ':' || step as key from old, unnest(array['reserve', 'charge', 'ship']) as step),
stock as (
  delete from inventory.receipts as held using key where held.key = key.key and status <> 'done' returning 1
),
money as (
  delete from payments.receipts as held using key where held.key = key.key and status <> 'done' returning 1
),
parcels as (
  delete from shipping.receipts as held using key where held.key = key.key and status <> 'done' returning 1
),
states as (delete from orders.process_states as held using old where held.order_id = old.order_id returning 1),
pruned as (
  update orders.orders as held set body = body - 'payment' - 'ship_to' from old
  where held.order_id = old.order_id returning 1
)
select (select count(*) from pruned),
  (select count(*) from stock) + (select count(*) from money) + (select count(*) from parcels),
  (select count(*) from states)
""".encode()  # noqa: S608 - of constants


@dataclass(frozen=True)
class Pruned:
    """How many orders were let go of, with how many receipts and kept states."""

    orders: int = 0
    receipts: int = 0
    states: int = 0


class Retention:
    """Finds what is old, and lets go of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def count(self, days: int) -> int:
        """Return how many orders ended so many days ago and were not pruned; raise InvalidInput, Unavailable."""
        row = await self._db.row(_COUNT, {"seconds": _seconds(days)})
        return int(row[0]) if row else 0

    async def prune(self, days: int) -> Pruned:
        """Let go of all that ended so many days ago, a part at a time; raise InvalidInput, Unavailable.

        Whatever is interrupted has pruned some orders wholly and the others not at all.
        """
        params, total = {"seconds": _seconds(days), "limit": _AT_ONCE}, Pruned()
        while True:
            orders, receipts, states = await self._db.row(_PRUNE, params) or (0, 0, 0)
            if not orders:
                return total
            total = Pruned(total.orders + orders, total.receipts + receipts, total.states + states)


def _seconds(days: int) -> int:
    if days < DAYS_AT_LEAST:
        raise InvalidInput("--older-than", f"must be {DAYS_AT_LEAST} days or more: a late attempt may come before")
    return days * _DAY
