"""Strikes inside PostgreSQL: a session terminated during a statement, a locked table."""

import asyncio
import time

import psycopg

from models.errors import Unavailable
from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.strikes.scene import SECONDS_TO_AIM, ChaosScene

SECONDS_BETWEEN_TRIES = 0.003
SECONDS_BETWEEN_LOOKS = 0.05

_TERMINATE = b"""
select application_name, state, left(query, 60) from pg_stat_activity
where application_name ~ '^(worker|relay)-' and state in ('active', 'idle in transaction')
  and pg_terminate_backend(pid) limit 1
"""
_WAITING = b"""
select count(*)::int from pg_stat_activity
where application_name ~ '^(worker|relay)-' and wait_event_type = 'Lock'
"""


async def terminate_backend(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Terminate a worker's session during a statement or a transaction; return whether it hit one."""
    over = time.monotonic() + SECONDS_TO_AIM
    while time.monotonic() < over:
        try:
            rows = await scene.system.db.rows(_TERMINATE)
        except Unavailable:
            return False
        if rows:
            scene.hit(fault, "{}, {} in {!r}".format(*rows[0]))
            return True
        await asyncio.sleep(SECONDS_BETWEEN_TRIES)
    return False


async def lock_table(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Lock a table exclusively for `fault.seconds`; return whether a session waited for it."""
    try:
        async with scene.system.connection() as connection:
            await connection.execute(f"lock table {fault.table} in access exclusive mode".encode())
            return await _waited_for(scene, fault)
    except (psycopg.Error, Unavailable):
        return False  # the server went down meanwhile, and the lock with it


async def _waited_for(scene: ChaosScene, fault: PlannedFault) -> bool:
    hit, over = False, time.monotonic() + fault.seconds
    while time.monotonic() < over:
        waiting = (await scene.system.db.rows(_WAITING))[0][0]
        if waiting and not hit:
            hit = True
            scene.hit(fault, f"{fault.table} with {waiting} waiting")
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return hit
