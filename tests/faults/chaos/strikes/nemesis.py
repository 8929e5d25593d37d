"""The nemesis: strikes by its plan, aims at what is busy, and counts only what it hit."""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.faults.chaos.planning.faults import FAULTS, LINKS, WORKER, PlannedFault
from tests.faults.chaos.planning.plan import RunPlan
from tests.faults.chaos.strikes import database as on_database
from tests.faults.chaos.strikes import links as on_links
from tests.faults.chaos.strikes import processes as on_processes
from tests.faults.chaos.strikes import servers as on_servers
from tests.faults.chaos.strikes.scene import ChaosScene

AT_ONCE = 3

Strike = Callable[[ChaosScene, PlannedFault], Awaitable[bool]]


@dataclass
class Nemesis:
    """All faults of a run: how many were tried; what they hit is noted by the scene."""

    scene: ChaosScene
    tried: Counter[str] = field(default_factory=Counter)
    # What found nothing to hit comes again, beside the next one.
    _again: deque[PlannedFault] = field(default_factory=deque)
    # Two faults on the same thing would undo each other.
    _targets: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def rage(self, plan: RunPlan, began: float) -> None:
        """Strike by the plan until it is time to heal; then all is well again."""
        gate = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.timeout(began + plan.heals_at - time.monotonic()), asyncio.TaskGroup() as strikes:
                for planned in plan.faults:
                    await asyncio.sleep(began + planned.at - time.monotonic())
                    for fault in [planned, self._again.popleft()] if self._again else [planned]:
                        await gate.acquire()
                        strikes.create_task(self._strike(fault)).add_done_callback(lambda _: gate.release())
                await asyncio.sleep(began + plan.heals_at - time.monotonic())
        except TimeoutError:
            return

    async def _strike(self, planned: PlannedFault) -> None:
        fault = self._at_somebody(planned)
        async with self._targets[target(fault)]:
            self.tried[fault.kind] += 1
            if not await STRIKES[fault.kind](self.scene, fault):
                self._again.append(fault)

    def _at_somebody(self, fault: PlannedFault) -> PlannedFault:
        """The fault as planned; at the next worker when the planned one is not there yet, or struck by another one."""
        workers = self.scene.system.crew.workers
        for ahead in range(len(workers)):
            there = replace(fault, worker=(fault.worker + ahead) % len(workers))
            if workers[there.worker].there and not self._targets[target(there)].locked():
                return there
        return fault


def target(fault: PlannedFault) -> str:
    """Return what a fault strikes at."""
    if FAULTS[fault.kind] == WORKER:
        return f"worker {fault.worker}"
    if FAULTS[fault.kind] == LINKS:
        return f"link {fault.worker} {fault.way}"
    return fault.kind.partition("_")[0]


STRIKES: Mapping[str, Strike] = {
    "worker_kill": on_processes.kill_worker,
    "worker_pause": on_processes.pause_worker,
    "worker_drain": on_processes.relieve_worker,
    "relay_kill": on_processes.kill_relay,
    "temporal_kill": on_servers.kill_temporal,
    "postgres_kill": on_servers.kill_postgres,
    "postgres_stop": on_servers.stop_postgres,
    "link_cut": on_links.cut,
    "link_stall": on_links.stall,
    "link_delay": on_links.delay,
    "link_reset": on_links.reset,
    "reply_lost": on_links.lose_reply,
    "backend_terminated": on_database.terminate_backend,
    "table_locked": on_database.lock_table,
}
