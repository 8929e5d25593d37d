"""The steps of the saga: each writes its effect and its idempotency key in one transaction."""

from psycopg_pool import ConnectionPool
from shared import Order
from temporalio import activity
from temporalio.exceptions import ApplicationError

PRICE = 1490


class OrderActivities:
    """The steps and their undos, on a pool of connections."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool

    @activity.defn
    def reserve(self, order: Order) -> str:
        """Take the article out of the stock."""
        line = order.lines[0]
        statement = "update stock set available = available - %s where sku = %s"
        return self._once(order, "reserve", statement, line["quantity"], line["sku"])

    @activity.defn
    def release(self, order: Order) -> str:
        """Put the article back."""
        line = order.lines[0]
        statement = "update stock set available = available + %s where sku = %s"
        return self._once(order, "release", statement, line["quantity"], line["sku"])

    @activity.defn
    def charge(self, order: Order) -> str:
        """Take the money."""
        statement = "insert into ledger (order_id, kind, amount) values (%s, 'charge', %s)"
        return self._once(order, "charge", statement, order.order_id, PRICE)

    @activity.defn
    def refund(self, order: Order) -> str:
        """Give the money back."""
        statement = "insert into ledger (order_id, kind, amount) values (%s, 'refund', %s)"
        return self._once(order, "refund", statement, order.order_id, -PRICE)

    @activity.defn
    def ship(self, order: Order) -> str:
        """Hand the parcel over; the carrier refuses the postcode 00000."""
        if order.ship_to["postcode"] == "00000":
            raise ApplicationError("the carrier refuses the order", non_retryable=True)
        statement = "insert into parcels (order_id, tracking) values (%s, %s)"
        return self._once(order, "ship", statement, order.order_id, f"trk_{order.order_id}")

    def _once(self, order: Order, step: str, statement: str, *values: object) -> str:
        key = "insert into keys (key, answer) values (%s, 'done') on conflict (key) do nothing"
        with self.pool.connection() as connection, connection.transaction():
            if connection.execute(key, [f"{order.order_id}:{step}"]).rowcount:
                connection.execute(statement, values)
        return "done"
