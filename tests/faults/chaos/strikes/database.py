"""Strikes inside PostgreSQL: a session terminated during a statement, a locked table, a read-only spell."""

import asyncio
import time
from contextlib import suppress

import psycopg
from psycopg import AsyncConnection

from models.errors import Unavailable
from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.strikes.scene import SECONDS_TO_AIM, ChaosScene

SECONDS_BETWEEN_TRIES = 0.003
SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_END_A_SPELL = 60.0
# What a failover leaves behind: sessions on a server that answers, and refuses every write.
_READ_ONLY = b"alter system set default_transaction_read_only = on"
_WRITABLE = b"alter system reset default_transaction_read_only"

_TERMINATE = b"""
select application_name, state, left(query, 60) from pg_stat_activity
where application_name ~ '^[a-z]+-[0-9]$' and state in ('active', 'idle in transaction')
  and pg_terminate_backend(pid) limit 1
"""
_WAITING = b"""
select count(*)::int from pg_stat_activity
where application_name ~ '^[a-z]+-[0-9]$' and wait_event_type = 'Lock'
"""


async def terminate_backend(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Terminate a worker's session during a statement or a transaction; return whether it hit one."""
    over = time.monotonic() + SECONDS_TO_AIM
    while time.monotonic() < over:
        try:
            rows = await scene.system.databases.owned_by(fault.database).rows(_TERMINATE)
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
        async with scene.system.connection(fault.database) as connection:
            await connection.execute(f"lock table {fault.table} in access exclusive mode".encode())
            return await _waited_for(scene, fault)
    except (psycopg.Error, Unavailable):
        return False  # the server went down meanwhile, and the lock with it


async def _waited_for(scene: ChaosScene, fault: PlannedFault) -> bool:
    hit, over = False, time.monotonic() + fault.seconds
    while time.monotonic() < over:
        waiting = (await scene.system.databases.owned_by(fault.database).rows(_WAITING))[0][0]
        if waiting and not hit:
            hit = True
            scene.hit(fault, f"{fault.table} with {waiting} waiting")
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return hit


async def make_read_only(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Let every session refuse to write for `fault.seconds`; return whether a worker had an open call meanwhile."""
    hit, over = False, time.monotonic() + fault.seconds
    try:
        await _configure(scene, fault, _READ_ONLY)
        while time.monotonic() < over:
            calls = sum(post.database.asking for post in scene.system.crew.posts)
            if calls and not hit:
                hit = True
                scene.hit(fault, f"PostgreSQL with {calls} open database calls")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    except psycopg.Error:
        return False  # the server went down meanwhile
    finally:
        await _end_spell(scene, fault)
    return hit


async def _end_spell(scene: ChaosScene, fault: PlannedFault) -> None:
    """Make the server writable again; another fault may have stopped it, and its configuration outlives a restart."""
    over = time.monotonic() + SECONDS_TO_END_A_SPELL
    while time.monotonic() < over:
        with suppress(psycopg.Error):
            return await _configure(scene, fault, _WRITABLE)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    raise TimeoutError("PostgreSQL did not become writable again")


async def _configure(scene: ChaosScene, fault: PlannedFault, change: bytes) -> None:
    url = scene.system.places.databases[fault.database]
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(change)
        await connection.execute(b"select pg_reload_conf()")
