"""Orders that were accepted and not closed, which the reconciler reads page by page, oldest first."""

from models.recovery import OpenProcess
from postgres.database import Database
from services.orders.records import price_of

# Choreographed orders have no workflow to lose; the watcher and their deadlines end them.
_PAGE = b"""
select order_id from orders.orders
where style = 'orchestrated' and closed_at is null and created_at < now() - make_interval(secs => %(grace)s)
  and (%(after)s::text is null or (created_at, order_id) >
    (select created_at, order_id from orders.orders where order_id = %(after)s))
order by created_at, order_id limit %(limit)s
"""
_AGES = b"""
select count(*), count(*) filter (where created_at < now() - make_interval(secs => %(age)s))
from orders.orders where style = 'orchestrated' and closed_at is null
"""
_READ = b"""
select body::text, body_hash, total, currency, extract(epoch from now() - created_at)::float8 from orders.orders
where order_id = %(order_id)s and closed_at is null and style = 'orchestrated'
"""
_COUNT = b"select count(*) from orders.orders where closed_at is null"
_OUTCOME = b"select status, reason from orders.orders where order_id = %(order_id)s and closed_at is not null"


class OpenOrders:
    """Reads open orders."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, after: str | None, limit: int, grace: float) -> list[str]:
        """Return the ids of up to `limit` open orders older than `grace` seconds, after the order id `after`."""
        rows = await self._db.rows(_PAGE, {"after": after, "limit": limit, "grace": grace})
        return [order_id for (order_id,) in rows]

    async def count(self) -> int:
        """Return the number of open orders of every style."""
        row = await self._db.row(_COUNT, {})
        return int(row[0]) if row else 0

    async def ages(self, age: float) -> tuple[int, int]:
        """Return the number of open orders that have a workflow, and of those older than `age` seconds."""
        every, older = await self._db.row(_AGES, {"age": age}) or (0, 0)
        return every, older

    async def read(self, order_id: str) -> OpenProcess | None:
        """Return an open order, None when the order was closed or never accepted."""
        row = await self._db.row(_READ, {"order_id": order_id})
        if row is None:
            return None
        body, body_hash, total, currency, age = row
        return OpenProcess(body=body, body_hash=body_hash, total=price_of(total, currency), age_seconds=age)

    async def outcome(self, order_id: str) -> tuple[str, str] | None:
        """Return the status and the reason of a closed order, None while the order is open."""
        row = await self._db.row(_OUTCOME, {"order_id": order_id})
        return (str(row[0]), str(row[1])) if row else None
