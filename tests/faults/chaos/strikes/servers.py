"""Strikes on Temporal and PostgreSQL: killed, and killed again for `fault.seconds`; their keeper restarts them."""

import asyncio
import os
import signal
import time

from runtime.embedded.processes import command_of
from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.strikes.scene import ChaosScene, aim

SECONDS_BETWEEN_LOOKS = 0.02


async def kill_temporal(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL the Temporal server; return whether it hit."""
    return await _crash(scene, fault, "temporal", signal.SIGKILL)


async def kill_postgres(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL PostgreSQL's main process; return whether it hit."""
    return await _crash(scene, fault, "postgres", signal.SIGKILL)


async def stop_postgres(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Stop PostgreSQL at once with SIGQUIT, as a power cut would; return whether it hit."""
    return await _crash(scene, fault, "postgres", signal.SIGQUIT)


async def _crash(scene: ChaosScene, fault: PlannedFault, name: str, signum: signal.Signals) -> bool:
    # A worker with an open database call is running a task of Temporal.
    await aim(scene.worker(fault).database, fault.late)
    posts, orders = scene.system.crew.posts, len(scene.customers.under_way)
    asking = sum(post.database.asking for post in posts)
    if not asking or not orders or not _end(scene, fault, name, signum):
        return False
    struck = f"{name} of {fault.database}" if name == "postgres" and scene.system.places.apart else name
    scene.hit(fault, f"{struck} with {orders} running orders, {asking} open database calls")
    over = time.monotonic() + fault.seconds
    while time.monotonic() < over:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        _end(scene, fault, name, signum)
    return True


def _end(scene: ChaosScene, fault: PlannedFault, name: str, signum: signal.Signals) -> bool:
    """Send the signal to the current process of a server; return whether there was one."""
    pid, settings = scene.system.server(name, fault.database), scene.system.settings
    # The record may be outdated, and its process id reused: never signal a foreign process.
    marks = str(scene.system.folder), f" --port {settings.temporal_port} "
    if not pid or not any(mark in command_of(pid) for mark in marks):
        return False
    os.kill(pid, signum)
    return True
