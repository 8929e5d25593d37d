"""Strikes on workers and relays: killed, paused, replaced."""

import asyncio
import signal

from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.processes.post import Post
from tests.faults.chaos.strikes.damage import InHand, in_hand
from tests.faults.chaos.strikes.scene import ChaosScene, aim


async def kill_worker(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL a worker with open work; return whether it hit."""
    return await _kill(scene, fault, scene.worker(fault))


async def kill_relay(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGKILL the relay with open work; return whether it hit."""
    return await _kill(scene, fault, scene.system.crew.relay)


async def _kill(scene: ChaosScene, fault: PlannedFault, post: Post) -> bool:
    pid, work = await _frozen(scene, fault, post)
    if not work.anything:
        post.send(signal.SIGCONT)
        return False
    post.send(signal.SIGKILL)
    scene.hit(fault, f"{post.name} ({pid}) with {work.describe()}", work.activities)
    return True


async def pause_worker(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGSTOP a worker with open work, and SIGCONT it after another worker has got that work; return whether it hit."""
    post = scene.worker(fault)
    try:
        pid, work = await _frozen(scene, fault, post)
        if not work.anything:
            return False
        scene.hit(fault, f"{post.name} ({pid}) with {work.describe()}", work.activities)
        await asyncio.sleep(fault.seconds)
    finally:
        post.send(signal.SIGCONT)
    return True


async def _frozen(scene: ChaosScene, fault: PlannedFault, post: Post) -> tuple[int, InHand]:
    """Stop a process during a request; return its id and its open work."""
    await aim(post.database, fault.late)
    pid = post.pid
    post.send(signal.SIGSTOP)
    try:
        system = scene.system
        database = system.databases.owned_by(post.owner)
        return pid, await in_hand(post, system.client, database, scene.customers.under_way)
    except asyncio.CancelledError:
        post.send(signal.SIGCONT)
        raise


async def relieve_worker(scene: ChaosScene, fault: PlannedFault) -> bool:
    """SIGTERM a worker with open calls, and start another one in its place at once; return whether it hit."""
    post = scene.worker(fault)
    await aim(post.database, fault.late)
    pid, asking = post.pid, post.database.asking
    if not pid or not asking:
        return False
    scene.system.crew.relieve(post)
    scene.hit(fault, f"{post.name} ({pid}) with {asking} calls")
    return True
