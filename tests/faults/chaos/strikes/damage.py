"""The damage of a fault: the open work of a process at the moment of the strike."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from psycopg import Error as DatabaseError
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.service import RPCError

from models.errors import Unavailable
from models.names import workflow_id
from postgres.database import Database
from tests.faults.chaos.processes.post import Post

AT_ONCE = 10
SECONDS_TO_LOOK = 1.5
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_TRANSACTIONS = b"""
select count(*) from pg_stat_activity where application_name = %(name)s and state <> 'idle'
"""


@dataclass(frozen=True)
class InHand:
    """The open work of one process: unanswered database calls, open transactions, and activities by order id."""

    calls: int = 0
    transactions: int = 0
    activities: dict[str, str] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether the process has any open work."""
        return bool(self.calls or self.transactions or self.activities)

    def describe(self) -> str:
        """Return the counts as text."""
        return f"{len(self.activities)} activities, {self.calls} calls, {self.transactions} transactions"


async def in_hand(post: Post, client: Client, db: Database, orders: Iterable[str]) -> InHand:
    """Return the open work of a process, with activities of these orders; unreadable parts count as nothing.

    The result is exact for a stopped process, whose work can't end meanwhile.
    """
    calls, pid = post.database.asking, post.pid
    try:
        async with asyncio.timeout(SECONDS_TO_LOOK):
            activities, transactions = await asyncio.gather(
                _activities(pid, client, orders), _transactions(post.name, db)
            )
    except TimeoutError:
        return InHand(calls)
    return InHand(calls, transactions, activities)


async def _activities(pid: int, client: Client, orders: Iterable[str]) -> dict[str, str]:
    gate = asyncio.Semaphore(AT_ONCE)
    found: dict[str, str] = {}

    async def look(order_id: str) -> None:
        async with gate:
            try:
                described = await client.get_workflow_handle(workflow_id(order_id)).describe()
            except RPCError:
                return  # a choreographed or just ended order, or the server is down: no proof of a hit
        for pending in described.raw_description.pending_activities:
            if pending.state == STARTED and pending.last_worker_identity.startswith(f"{pid}@"):
                found[order_id] = pending.activity_type.name

    await asyncio.gather(*map(look, list(orders)))
    return found


async def _transactions(name: str, db: Database) -> int:
    try:
        rows = await db.rows(_TRANSACTIONS, {"name": name})
    except (Unavailable, DatabaseError):
        return 0
    return int(rows[0][0])
