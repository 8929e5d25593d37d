"""What every strike works on, and where it says what it hit."""

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

# How long a strike waits for its target to do something.
SECONDS_TO_AIM = 3.0


@dataclass
class ChaosScene:
    """The system, its customers, and all hits so far."""

    system: ChaosSystem
    customers: Customers
    hits: list[Hit] = field(default_factory=list)

    def worker(self, fault: PlannedFault) -> Post:
        """Return the worker that a fault is for."""
        return self.system.crew.workers[fault.worker]

    def link(self, fault: PlannedFault) -> Link:
        """Return the link that a fault is for."""
        post = self.worker(fault)
        return post.database if fault.way == "database" else post.temporal

    def hit(self, fault: PlannedFault, where: str, activities: Mapping[str, str] | None = None) -> None:
        """Note that a fault has hit something; each activity that it struck counts by itself, too."""
        now = time.time()
        self.hits.append(Hit(now, fault.kind, where=f"{where}, for {fault.seconds:.1f} s"))
        for order_id, activity in (activities or {}).items():
            self.hits.append(Hit(now, f"activity_in_{fault.kind}", order_id, activity))


async def aim(link: Link, late: float) -> bool:
    """Wait until somebody waits for an answer there, `late` seconds after the question; tell whether anybody did."""
    over = time.monotonic() + SECONDS_TO_AIM
    while time.monotonic() < over:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_AIM / 3):
                await link.asked()
        await asyncio.sleep(late)
        if link.asking:
            return True
    return False
