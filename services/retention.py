"""Pruning of orders and slips that ended long ago: their receipts, process states and personal data are deleted.

The id, the body's hash and the outcome are kept, as are the ledger and the parcels, which are accounting records.
Receipts refuse a late do and answer a repeated one, which is needed until the last attempt and the last redelivery are
over; therefore the minimum age is a week. After that, the first step of a run refuses a pruned id, and the conditions
`in_force` of the services refuse to undo a settled effect.

Each service deletes its receipts in a transaction of its own. The row of the order or slip, by which a pruning finds
it, is pruned last, so that the next pruning completes an interrupted one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.idempotent_receiver.retention import prune_receipts
from models.errors import InvalidInput
from models.names import key, workflow_id
from models.participants import SERVICES, Service
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.databases import Databases
from services.orders.retention import Cursor, OrderRetention
from services.slips.retention import SlipRetention

DAYS_AT_LEAST = 7
_DAY = 86_400
_AT_ONCE = 500

_OF_ORDERS: Mapping[Service, str] = {"inventory": "reserve", "payments": "charge", "shipping": "ship"}


@dataclass(frozen=True)
class Pruned:
    """The numbers of pruned orders and slips, and of their deleted receipts and process states."""

    orders: int = 0
    slips: int = 0
    receipts: int = 0
    states: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


class Retention:
    """Finds and prunes old orders and slips."""

    def __init__(self, databases: Databases | Database) -> None:
        self._databases = Databases.of(databases)
        self._db = db = self._databases.orders
        self._orders, self._slips, self._letters = OrderRetention(db), SlipRetention(db), DeadLetters(db)

    async def count(self, days: int) -> Pruned:
        """Return how many orders and slips `prune` would prune at most; raise InvalidInput, Unavailable."""
        seconds = _seconds(days)
        return Pruned(orders=await self._orders.count(seconds), slips=await self._slips.count(seconds))

    async def prune(self, days: int) -> Pruned:
        """Prune all orders and slips that ended `days` days ago, in batches; raise InvalidInput, Unavailable.

        After an interruption, another call prunes what is left.
        """
        seconds, total = _seconds(days), Pruned()
        after: Cursor | None = None
        while found := await self._orders.old(seconds, _AT_ONCE, after):
            order_ids = [order_id for order_id, _ in found]
            after = (found[-1][1], order_ids[-1])
            total += await self._prune_orders(order_ids)
        while pruned := await self._prune_slips(seconds):
            total += pruned
        return total

    async def _prune_orders(self, order_ids: list[str]) -> Pruned:
        # An order with a dead letter still waits for an operator, so it isn't pruned.
        waiting = await self._letters.blocked(map(workflow_id, order_ids))
        over = [order_id for order_id in order_ids if workflow_id(order_id) not in waiting]
        receipts = 0
        for service, step in _OF_ORDERS.items():
            receipts += await self._receipts(service, [key(order_id, step) for order_id in over])
        pruned, states = await self._orders.prune(over)
        return Pruned(orders=len(pruned), receipts=receipts, states=states)

    async def _prune_slips(self, seconds: int) -> Pruned | None:
        old = await self._slips.old(seconds, _AT_ONCE)
        if not old:
            return None
        keys = [each for slip in old for each in slip.keys]
        receipts = sum([await self._receipts(service, keys) for service in SERVICES])
        async with unit_of_work(self._db) as unit:
            receipts += await prune_receipts(unit, "wrapping", keys)
            slips = await self._slips.prune(unit, [slip.slip_id for slip in old])
        return Pruned(slips=slips, receipts=receipts)

    async def _receipts(self, service: Service, keys: list[str]) -> int:
        return await prune_receipts(self._databases.owned_by(service), service, keys)


def _seconds(days: int) -> int:
    if days < DAYS_AT_LEAST:
        raise InvalidInput("--older-than", f"must be {DAYS_AT_LEAST} days or more: late attempts may still arrive")
    return days * _DAY
