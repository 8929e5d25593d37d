"""Letting go of orders and slips that ended long ago: their receipts, kept steps, and what is personal in them.

What stays is small and must stay: that the id was used, for what and with which outcome, so that none is ever run
twice; the ledger and the parcels, which are books. Receipts stop a do that comes late and answer one that is
repeated: both are over once the last attempt and the last redelivery are, so what is younger than a week stays.
From then on it is the first step of a run that refuses a pruned id, and the books that refuse to undo what stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import InvalidInput
from services.database import Database

DAYS_AT_LEAST = 7
_DAY = 86_400
_AT_ONCE = 500

# What waits for a person in the outbox is not over, however long ago its order ended.
_ORDERS = """
select order_id from orders.orders as held
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'payment'
  and not exists (select from outbox.dead where dead.process_id = held.order_id)
"""
_SLIPS = """
select slip_id, body, status in ('completed', 'terminated') as stands from slips.slips
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'itinerary'
"""
_COUNT = f"select (select count(*) from ({_ORDERS}) as old), (select count(*) from ({_SLIPS}) as old)".encode()  # noqa: S608 - of constants, as all below


def _receipts(of: dict[str, str]) -> str:
    """The CTEs that delete the receipts of `key` in each schema, where a condition holds."""
    return ",\n".join(
        f"of_{schema} as (delete from {schema}.receipts as held using key "  # noqa: S608
        f"where held.key = key.key and {when} returning 1)"
        for schema, when in of.items()
    )


def _counted(schemas: Iterable[str]) -> str:
    return " + ".join(f"(select count(*) from of_{schema})" for schema in schemas)  # noqa: S608


# What is still done, since somebody waived its undo, explains stock or money that is missing.
_OF_ORDERS = dict.fromkeys(("inventory", "payments", "shipping"), "status <> 'done'")
_PRUNE_ORDERS = f"""
with old as materialized ({_ORDERS} order by closed_at limit %(limit)s for update skip locked),
key as (select order_id || ':' || step as key from old, unnest(array['reserve', 'charge', 'ship']) as step),
{_receipts(_OF_ORDERS)},
states as (delete from orders.process_states as held using old where held.order_id = old.order_id returning 1),
pruned as (
  update orders.orders as held set body = body - 'payment' - 'ship_to' from old
  where held.order_id = old.order_id returning 1
)
select (select count(*) from pruned), {_counted(_OF_ORDERS)}, (select count(*) from states)
""".encode()  # noqa: S608
# Parcels and wrappings of a slip that stands are never settled: their receipts go as they are.
_OF_SLIPS = dict.fromkeys(("inventory", "payments"), "status <> 'done'")
_OF_SLIPS |= dict.fromkeys(("shipping", "wrapping"), "(stands or status <> 'done')")
_PRUNE_SLIPS = f"""
with old as materialized ({_SLIPS} order by closed_at limit %(limit)s for update skip locked),
key as (
  select 'slip.' || slip_id || ':' || (stop ->> 'name') as key, stands
  from old, jsonb_array_elements(body -> 'itinerary') as stop
),
{_receipts(_OF_SLIPS)},
pruned as (update slips.slips as held set body = '{{}}' from old where held.slip_id = old.slip_id returning 1)
select (select count(*) from pruned), {_counted(_OF_SLIPS)}
""".encode()  # noqa: S608


@dataclass(frozen=True)
class Pruned:
    """How many orders and slips were let go of, with how many receipts and kept states."""

    orders: int = 0
    slips: int = 0
    receipts: int = 0
    states: int = 0


class Retention:
    """Finds what is old, and lets go of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def count(self, days: int) -> Pruned:
        """Return how many orders and slips ended so long ago and were not pruned; raise InvalidInput, Unavailable."""
        orders, slips = await self._db.row(_COUNT, {"seconds": _seconds(days)}) or (0, 0)
        return Pruned(orders=orders, slips=slips)

    async def prune(self, days: int) -> Pruned:
        """Let go of all that ended so many days ago, a part at a time; raise InvalidInput, Unavailable.

        Whatever is interrupted has pruned some of them wholly and the others not at all.
        """
        orders, receipts, states = await self._all(_PRUNE_ORDERS, days, parts=3)
        slips, of_slips = await self._all(_PRUNE_SLIPS, days, parts=2)
        return Pruned(orders, slips, receipts + of_slips, states)

    async def _all(self, query: bytes, days: int, parts: int) -> list[int]:
        """Prune until there is nothing left; return the sums of the counts, the first of which is what was pruned."""
        params, total = {"seconds": _seconds(days), "limit": _AT_ONCE}, [0] * parts
        while True:
            counts = await self._db.row(query, params) or [0]
            if not counts[0]:
                return total
            total = [sum(pair) for pair in zip(total, counts, strict=True)]


def _seconds(days: int) -> int:
    if days < DAYS_AT_LEAST:
        raise InvalidInput("--older-than", f"must be {DAYS_AT_LEAST} days or more: a late attempt may come before")
    return days * _DAY
