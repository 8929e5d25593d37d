"""Orders and how they ended. The primary key and the body's hash decide what a repeated id means, for ever."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import TupleRow

from models.errors import AlreadyUndone, Conflict, Final, NotFound, OrderRejected, Unavailable
from models.money import Money
from models.order import Order
from models.process import Status
from models.steps import Priced
from services import order_queries
from services.database import Connection, Database, Pipeline, Sent

UNDONE = {Status.COMPENSATED, Status.CANCELLED}


@dataclass(frozen=True)
class OrderRecord:
    """What the orders table says of an order; total and body_hash are None when it was closed before it came.

    One that was pruned has no receipts any more.
    """

    order_id: str
    status: Status
    total: Money | None
    reason: str
    body_hash: str | None
    created_at: datetime
    closed_at: datetime | None
    pruned: bool


class Orders:
    """Accepts orders at the catalogue's price, and remembers them and their outcome."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def accept(self, order: Order, *, to_run: bool = False) -> Priced:
        """Take the order once, at the catalogue's price; one that is `to_run` must not have been pruned.

        Raises OrderRejected naming the field, Conflict when the id has another body, AlreadyUndone, Unavailable.
        """
        params = {
            "order_id": order.order_id,
            "body": order.model_dump_json(),
            "hash": order.body_hash(),
            "total": order.total,
            "currency": order.currency,
            "skus": [line.sku for line in order.lines],
            "quantities": [line.quantity for line in order.lines],
        }
        total, refusal = await self._db.row(order_queries.ACCEPT, params) or (None, None)
        if total is None:
            # What was accepted before stays accepted, at its price of then, whatever the catalogue says now.
            known = await self.find(order.order_id)
            if to_run and known and known.pruned:
                # No receipt would keep its effects from happening once more.
                raise OrderRejected(f"order_id: {order.order_id} ended long ago as {known.status} and was pruned")
            return _repeated(order, known, refusal)
        return Priced(total=Money(amount=total, currency=order.currency))

    async def find(self, order_id: str, connection: Connection | None = None) -> OrderRecord | None:
        """Return what is known of an order, None when it never came."""
        row = await self._db.row(order_queries.READ, {"order_id": order_id}, connection)
        return _record(row) if row else None

    async def by_status(self, status: Status, limit: int = 100, after: str | None = None) -> list[OrderRecord]:
        """Return up to `limit` orders of a status, oldest first, from behind the order `after`."""
        rows = await self._db.rows(order_queries.BY_STATUS, {"status": status.value, "limit": limit, "after": after})
        return [_record(row) for row in rows]

    async def close(self, pipeline: Pipeline, order_id: str, outcome: Status, reason: str) -> "OrderClosing":
        """Send, in the caller's transaction, what records the outcome; its `end` tells whether it stands."""
        params = {"order_id": order_id, "outcome": outcome.value, "reason": reason}
        return OrderClosing(pipeline, order_id, outcome, await pipeline.send(order_queries.CLOSE, params))


@dataclass(frozen=True)
class OrderClosing:
    """An outcome on its way into the orders table, in a transaction that ends well only when this does."""

    pipeline: Pipeline
    order_id: str
    outcome: Status
    sent: Sent

    async def end(self) -> OrderRecord | None:
        """Return once it stands; raise Final when another outcome does, NotFound.

        Cancelled and compensated are the same to the books: the first that was recorded stands, and is returned.
        """
        row = await self.sent.row()
        if row is not None:
            if row[0] is None and self.outcome is Status.COMPLETED:
                raise NotFound(f"{self.order_id}: was never accepted, so it can't be completed")
            return None
        found = await (await self.pipeline.send(order_queries.READ, {"order_id": self.order_id})).row()
        known = _record(found) if found else None
        if known is None or not (known.status == self.outcome or {known.status, self.outcome} <= UNDONE):
            raise Final(f"{self.order_id}: was closed as {known.status if known else 'unknown'}, not {self.outcome}")
        return known


def _repeated(order: Order, known: OrderRecord | None, refusal: str | None) -> Priced:
    if known is None and refusal is None:
        raise Unavailable("the order can't be read back")
    if known is None:
        raise OrderRejected(refusal)
    if known.total is None:
        raise AlreadyUndone(f"{order.order_id}: was closed as {known.status} before it came")
    if known.body_hash != order.body_hash():
        raise Conflict(f"{order.order_id}: is the id of another order")
    return Priced(total=known.total)


def _record(row: TupleRow) -> OrderRecord:
    order_id, status, total, currency, *rest = row
    money = None if total is None else Money(amount=total, currency=currency)
    return OrderRecord(order_id, Status(status), money, *rest)
