"""The writes of the other systems' steps: the effect and its idempotency key, in one transaction."""

from typing import Any

from psycopg_pool import AsyncConnectionPool

EFFECTS = {
    "reserve": "update stock set available = available - %(quantity)s where sku = %(sku)s",
    "charge": "insert into ledger (order_id, kind, amount) values (%(order_id)s, 'charge', %(amount)s)",
    "ship": "insert into parcels (order_id, tracking) values (%(order_id)s, %(tracking)s)",
    "refund": "insert into ledger (order_id, kind, amount) values (%(order_id)s, 'refund', -%(amount)s)",
    "release": "update stock set available = available + %(quantity)s where sku = %(sku)s",
}
KEY = "insert into keys (key, answer) values (%(key)s, 'done') on conflict (key) do nothing"


def values_of(order: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the statements above for an order."""
    line = order["lines"][0]
    return {
        "order_id": order["order_id"],
        "sku": line["sku"],
        "quantity": line["quantity"],
        "amount": 1490 * line["quantity"],
        "tracking": f"trk_{order['order_id']}",
    }


async def write_once(pool: AsyncConnectionPool, step: str, order: dict[str, Any]) -> str:
    """Write the effect of a step unless its key exists."""
    key = {"key": f"{order['order_id']}:{step}"}
    async with pool.connection() as connection, connection.transaction():
        if (await connection.execute(KEY, key)).rowcount:
            await connection.execute(EFFECTS[step], values_of(order))
    return "done"
