"""The nemesis: strikes by its plan, aims at busy targets, and counts only hits."""

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
    """The faults of a run: `tried` counts the strikes; the scene records the hits."""

    scene: ChaosScene
    tried: Counter[str] = field(default_factory=Counter)
    # Faults without a hit are repeated together with the next one.
    _again: deque[PlannedFault] = field(default_factory=deque)
    # Two faults on the same target would cancel each other out.
    _targets: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, plan: RunPlan, began: float) -> None:
        """Strike by the plan until `plan.heals_at`; afterwards every fault is over."""
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
        fault = self._retarget(planned)
        async with self._targets[target(fault)]:
            self.tried[fault.kind] += 1
            if not await STRIKES[fault.kind](self.scene, fault):
                self._again.append(fault)

    def _retarget(self, fault: PlannedFault) -> PlannedFault:
        """Return the fault, aimed at the next worker if the planned one is down or under another fault."""
        workers = self.scene.system.crew.workers
        for ahead in range(len(workers)):
            there = replace(fault, worker=(fault.worker + ahead) % len(workers))
            if workers[there.worker].there and not self._targets[target(there)].locked():
                return there
        return fault


def target(fault: PlannedFault) -> str:
    """Return the name of a fault's target."""
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
    "temporal_outage": on_servers.kill_temporal,
    "postgres_outage": on_servers.stop_postgres,
    "link_cut": on_links.cut,
    "link_stall": on_links.stall,
    "link_delay": on_links.delay,
    "link_reset": on_links.reset,
    "reply_lost": on_links.lose_reply,
    "backend_terminated": on_database.terminate_backend,
    "table_locked": on_database.lock_table,
    "database_read_only": on_database.make_read_only,
}
