"""Retention of orders: finds orders that ended long ago, oldest first, and deletes their personal data.

The id, the body's hash and the outcome are kept permanently, so that no order runs twice.
"""

from collections.abc import Sequence
from datetime import datetime

from postgres.database import Database

_OLD = """
select order_id, closed_at from orders.orders
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'payment'
  and (%(at)s::timestamptz is null or (closed_at, order_id) > (%(at)s, %(order_id)s))
order by closed_at, order_id limit %(limit)s
"""
_COUNT = b"""
select count(*) from orders.orders
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'payment'
"""
_PRUNE = b"""
with states as (delete from orders.process_states where order_id = any(%(order_ids)s) returning 1),
pruned as (
  update orders.orders set body = body - 'payment' - 'ship_to'
  where order_id = any(%(order_ids)s) and body ? 'payment' returning order_id
)
select array(select order_id from pruned), (select count(*) from states)
"""
Cursor = tuple[datetime, str]


class OrderRetention:
    """Finds and prunes old orders."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def count(self, seconds: int) -> int:
        """Return the number of orders that ended this many seconds ago and were not pruned; raise Unavailable."""
        row = await self._db.row(_COUNT, {"seconds": seconds})
        return int(row[0]) if row else 0

    async def old(self, seconds: int, limit: int, after: Cursor | None = None) -> list[tuple[str, datetime]]:
        """Return the ids and end times of up to `limit` such orders, oldest first, after a cursor."""
        at, order_id = after or (None, None)
        params = {"seconds": seconds, "limit": limit, "at": at, "order_id": order_id}
        return [(str(found), ended) for found, ended in await self._db.rows(_OLD.encode(), params)]

    async def prune(self, order_ids: Sequence[str]) -> tuple[list[str], int]:
        """Delete address, token and process state of orders.

        Return the ids of the orders that this call pruned (a concurrent call may prune some) and the number of states.
        """
        row = await self._db.row(_PRUNE, {"order_ids": list(order_ids)})
        return (list(row[0]), int(row[1])) if row else ([], 0)
