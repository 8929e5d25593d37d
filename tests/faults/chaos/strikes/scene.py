"""The shared objects of all strikes, and the record of hits."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.chaos.people.customers import Customers
from tests.faults.chaos.planning.faults import PlannedFault
from tests.faults.chaos.processes.post import Post
from tests.faults.chaos.processes.system import ChaosSystem
from tests.faults.chaos.strikes.proxy import Link
from tests.faults.evidence.evidence import Hit

# Seconds that a strike waits for its target to be busy.
SECONDS_TO_AIM = 3.0


@dataclass
class ChaosScene:
    """The system, its customers, and all hits so far."""

    system: ChaosSystem
    customers: Customers
    hits: list[Hit] = field(default_factory=list)

    def worker(self, fault: PlannedFault) -> Post:
        """Return the worker that a fault targets."""
        return self.system.crew.workers[fault.worker]

    def link(self, fault: PlannedFault) -> Link:
        """Return the link that a fault targets."""
        post = self.worker(fault)
        return post.database if fault.way == "database" else post.temporal

    def hit(self, fault: PlannedFault, where: str, activities: Mapping[str, str] | None = None) -> None:
        """Record a hit of a fault, and one more hit for each activity that it struck."""
        now = time.time()
        self.hits.append(Hit(now, fault.kind, where=f"{where}, for {fault.seconds:.1f} s"))
        for order_id, activity in (activities or {}).items():
            self.hits.append(Hit(now, f"activity_in_{fault.kind}", order_id, activity))


async def aim(link: Link, late: float) -> bool:
    """Wait until a request is open on the link, `late` seconds after it was sent; return whether there was one."""
    over = time.monotonic() + SECONDS_TO_AIM
    while time.monotonic() < over:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_AIM / 3):
                await link.asked()
        await asyncio.sleep(late)
        if link.asking:
            return True
    return False
