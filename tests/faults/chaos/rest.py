"""Waits until a run is at rest: nothing is running and nothing is waiting."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.service import RPCError

from models.errors import Unavailable
from models.names import PROCESS_WORKFLOWS
from models.participants import OWNERS
from tests.faults.chaos.processes.system import ChaosSystem

SECONDS_BETWEEN_LOOKS = 0.5
# The longest delay by a fault: a paused attempt with its grace period, a workflow task.
SECONDS_FOR_ZOMBIES = 8.0

_OPEN = {
    "open orders": b"select count(*) from orders.orders where closed_at is null",
    "open slips": b"select count(*) from slips.slips where closed_at is null",
    **{
        f"events of {owner} to publish": b"select count(*) from %s.outbox where published_at is null" % owner.encode()
        for owner in OWNERS
    },
    "open choreographies": b"select count(*) from trace.processes where ended_at is null",
    "dead deliveries": b"select count(*) from trace.undelivered where not given_up",
    "dead letters": b"select count(*) from dead_letters.letters where status in ('open', 'redriving')",
}
_RUNNING = f"WorkflowType IN ({PROCESS_WORKFLOWS}) AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class Rest:
    """The seconds until everything was at rest; without rest None, and in `left` the counts of what remained."""

    seconds: float | None
    left: dict[str, int]


async def rest(system: ChaosSystem, since: float, within: float, coming: Callable[[], int]) -> Rest:
    """Wait until everything is at rest and every delayed attempt has ended; at most `within` seconds after `since`.

    `coming` returns the number of customers who have not placed their order or wait for an answer.
    """
    left: dict[str, int] = {"unknown": 1}
    while (passed := time.monotonic() - since) < within:
        try:
            left = {"customers": coming()} if coming() else await open_work(system)
        except (Unavailable, RPCError):
            left = {"answers": 1}
        if not left:
            await asyncio.sleep(since + SECONDS_FOR_ZOMBIES - time.monotonic())
            return Rest(passed, {})
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return Rest(None, left)


async def open_work(system: ChaosSystem) -> dict[str, int]:
    """Return the counts of everything that has not ended; raise Unavailable, RPCError."""
    left = {name: int((await system.db.rows(query))[0][0]) for name, query in _OPEN.items()}
    left["running workflows"] = (await system.client.count_workflows(_RUNNING)).count
    left["running deliveries"] = (await system.client.count_activities("ExecutionStatus = 'Running'")).count
    return {name: count for name, count in left.items() if count}
