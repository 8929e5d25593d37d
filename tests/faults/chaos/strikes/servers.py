"""Strikes on Temporal and PostgreSQL: killed, and killed again as long as it lasts; their keeper starts them anew."""

import asyncio
import os
import signal
import time

from runtime.embedded.processes import command_of
from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.strikes.scene import ChaosScene, aim

SECONDS_BETWEEN_LOOKS = 0.02


async def kill_temporal(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL the Temporal server."""
    return await _crash(scene, fault, "temporal", signal.SIGKILL)


async def kill_postgres(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL PostgreSQL's first process."""
    return await _crash(scene, fault, "postgres", signal.SIGKILL)


async def stop_postgres(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Have PostgreSQL stop immediately, as a power cut would."""
    return await _crash(scene, fault, "postgres", signal.SIGQUIT)


async def _crash(scene: ChaosScene, fault: PlannedFault, name: str, signum: signal.Signals) -> bool:
    # Whoever works for Temporal asks the database: then a task is out.
    await aim(scene.worker(fault).database, fault.late)
    posts, orders = scene.system.crew.posts, len(scene.customers.under_way)
    asking = sum(post.database.asking for post in posts)
    if not asking or not orders or not _end(scene, name, signum):
        return False
    scene.hit(fault, f"{name} with {orders} running orders, {asking} open calls to the database")
    over = time.monotonic() + fault.seconds
    while time.monotonic() < over:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        _end(scene, name, signum)
    return True


def _end(scene: ChaosScene, name: str, signum: signal.Signals) -> bool:
    """Send the signal to the server that there is now; tell whether there was one."""
    pid = scene.system.server(name)
    # The record may be older than the process: never strike at what is not ours.
    if not pid or str(scene.system.settings.data_dir) not in command_of(pid):
        return False
    os.kill(pid, signum)
    return True
