"""Strikes on the link between a worker and a server: cut, stalled, slow, reset, an answer lost."""

import asyncio
import time
from collections.abc import Callable

from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.strikes.scene import SECONDS_TO_AIM, ChaosScene, aim

SECONDS_BETWEEN_LOOKS = 0.02
LONGEST_DELAY = 0.5


async def cut(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Break every connection, and refuse new ones for `fault.seconds`; return whether it hit."""
    link = scene.link(fault)
    if not await aim(link, fault.late):
        return False
    try:
        asking = link.asking
        scene.hit(fault, f"{link.name}: {link.cut()} connections, {asking} waiting")
        await asyncio.sleep(fault.seconds)
    finally:
        link.heal()
    return True


async def reset(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Break every connection once; return whether it hit."""
    link = scene.link(fault)
    if not await aim(link, fault.late):
        return False
    asking = link.asking
    scene.hit(fault, f"{link.name}: {link.reset()} connections, {asking} waiting")
    return True


async def stall(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Hold all bytes for `fault.seconds`, then deliver them or break the connections; return whether it hit."""
    link = scene.link(fault)
    await aim(link, fault.late)
    try:
        open_now = link.stall()
        hit = await _harmed(scene, fault, lambda: link.held, f"{link.name}: {open_now} connections stalled")
    finally:
        if _odd(fault):
            link.reset()
        link.heal()
    return hit


async def delay(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Delay every chunk of bytes for `fault.seconds`; return whether it hit."""
    link = scene.link(fault)
    link.delay = LONGEST_DELAY * (0.1 + fault.late * 100)
    try:
        return await _harmed(scene, fault, lambda: link.held, f"{link.name}: each chunk {link.delay:.2f} s late")
    finally:
        link.heal()


async def lose_reply(scene: ChaosScene, fault: PlannedFault) -> bool:
    """Drop the answer to a request that took effect, and break its connection; return whether it hit."""
    link = scene.link(fault)
    link.replies_to_drop = 1
    before, over = link.dropped, time.monotonic() + SECONDS_TO_AIM
    try:
        while link.dropped == before and time.monotonic() < over:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        link.replies_to_drop = 0
    if link.dropped > before:
        scene.hit(fault, f"{link.name}: an answer lost")
    return link.dropped > before


async def _harmed(scene: ChaosScene, fault: PlannedFault, harm: Callable[[], int], where: str) -> bool:
    """Wait until the fault is over; return whether the harm increased, which is a hit."""
    before, hit, over = harm(), False, time.monotonic() + fault.seconds
    while time.monotonic() < over:
        if not hit and harm() > before:
            hit = True
            scene.hit(fault, where)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return hit


def _odd(fault: PlannedFault) -> bool:
    return int(fault.late * 1_000_000) % 2 == 1
