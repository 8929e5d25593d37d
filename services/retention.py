"""Pruning orders and slips that ended long ago: receipts, kept steps, and what is personal in them.

What stays is small and must stay: that the id was used, for what and with which outcome; the ledger and the parcels,
which are books. Receipts stop a do that comes late and answer one that is repeated: both are over once the last attempt
and the last redelivery are, so what is younger than a week stays. From then on it is the first step of a run that
refuses a pruned id, and the books that refuse to undo what stands.
"""

from dataclasses import dataclass, fields

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.idempotent_receiver.retention import prune_receipts
from models.errors import InvalidInput
from models.names import key, workflow_id
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.orders.retention import OrderRetention, Place
from services.slips.retention import SlipRetention

DAYS_AT_LEAST = 7
_DAY = 86_400
_AT_ONCE = 500

# Parcels and wrappings of a slip that stands are never settled: their receipts go as they are.
_NEVER_SETTLED = ("shipping", "wrapping")
_OF_ORDERS = {"inventory": "reserve", "payments": "charge", "shipping": "ship"}


@dataclass(frozen=True)
class Pruned:
    """How many orders and slips were pruned, with how many receipts and kept states."""

    orders: int = 0
    slips: int = 0
    receipts: int = 0
    states: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


class Retention:
    """Finds what is old, and prunes it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._orders, self._slips, self._letters = OrderRetention(db), SlipRetention(db), DeadLetters(db)

    async def count(self, days: int) -> Pruned:
        """Return how many orders and slips ended so long ago and were not pruned; raise InvalidInput, Unavailable."""
        seconds = _seconds(days)
        return Pruned(orders=await self._orders.count(seconds), slips=await self._slips.count(seconds))

    async def prune(self, days: int) -> Pruned:
        """Prune all that ended so many days ago, a part at a time; raise InvalidInput, Unavailable.

        Whatever is interrupted has pruned some of them wholly and the others not at all.
        """
        seconds, total = _seconds(days), Pruned()
        behind: Place | None = None
        while found := await self._orders.old(seconds, _AT_ONCE, behind):
            order_ids = [order_id for order_id, _ in found]
            behind = (found[-1][1], order_ids[-1])
            total += await self._prune_orders(order_ids)
        while pruned := await self._prune_slips(seconds):
            total += pruned
        return total

    async def _prune_orders(self, order_ids: list[str]) -> Pruned:
        # What waits for a person is not over, however long ago its order ended.
        waiting = await self._letters.blocked(map(workflow_id, order_ids))
        over = [order_id for order_id in order_ids if workflow_id(order_id) not in waiting]
        async with unit_of_work(self._db) as unit:
            pruned, states = await self._orders.prune(unit, over)
            receipts = 0
            for schema, step in _OF_ORDERS.items():
                receipts += await prune_receipts(unit, schema, [key(order_id, step) for order_id in pruned])
        return Pruned(orders=len(pruned), receipts=receipts, states=states)

    async def _prune_slips(self, seconds: int) -> Pruned | None:
        async with unit_of_work(self._db) as unit:
            old = await self._slips.old(unit, seconds, _AT_ONCE)
            if not old:
                return None
            keys = [each for slip in old for each in slip.keys]
            standing = [each for slip in old if slip.stands for each in slip.keys]
            receipts = 0
            for schema in ("inventory", "payments", *_NEVER_SETTLED):
                settled = standing if schema in _NEVER_SETTLED else ()
                receipts += await prune_receipts(unit, schema, keys, settled)
            slips = await self._slips.prune(unit, [slip.slip_id for slip in old])
        return Pruned(slips=slips, receipts=receipts)


def _seconds(days: int) -> int:
    if days < DAYS_AT_LEAST:
        raise InvalidInput("--older-than", f"must be {DAYS_AT_LEAST} days or more: a late attempt may come before")
    return days * _DAY
