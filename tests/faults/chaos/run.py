"""One chaos run: warm up, let the nemesis rage, heal, come to rest, gather the evidence."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.service import RPCError

from models.errors import Unavailable
from services import demo_articles
from tests.faults.chaos.beside import beside
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.people.customers import Customers
from tests.faults.chaos.people.operators import Operators
from tests.faults.chaos.people.slips import place_slips
from tests.faults.chaos.planning.drawing import CANARIES
from tests.faults.chaos.planning.plan import RunPlan
from tests.faults.chaos.processes.crew import End
from tests.faults.chaos.processes.logs import read_logs
from tests.faults.chaos.processes.system import ChaosSystem, open_system
from tests.faults.chaos.rest import Rest, rest
from tests.faults.chaos.strikes.nemesis import Nemesis
from tests.faults.chaos.strikes.scene import ChaosScene
from tests.faults.evidence.evidence import Evidence, Hit, Snapshot
from tests.faults.evidence.gathering import Watch, gather

# How long everything may take to come to rest once all faults are over: in a short run, and in a long one.
SECONDS_TO_REST = {True: 120.0, False: 300.0}
SECONDS_BETWEEN_NEWS = 60.0
Say = Callable[[str], None]


@dataclass
class ChaosRun:
    """What came of a run, as far as it came."""

    plan: RunPlan
    log: Log = field(default_factory=Log)
    placed: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    hits: list[Hit] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    snapshots_missed: int = 0
    healed_at: float = 0.0
    rest: Rest = field(default_factory=lambda: Rest(None, {"everything": 1}))
    ends: list[End] = field(default_factory=list)
    faulty_ends: list[End] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    # Why the rest of the evidence could not be read, if so.
    unread: str = ""


async def run(plan: RunPlan, folder: Path, say: Say) -> ChaosRun:
    """Run a plan in a folder of its own; nothing is left running, whatever happens."""
    ran, laps = ChaosRun(plan), _Laps(say)
    async with open_system(folder, hasty=plan.short) as system:
        laps.lap(ran, "to be ready")
        async with Watch(system.db) as watch:
            await _play(ran, system, laps)
        ran.snapshots, ran.snapshots_missed = watch.snapshots, watch.missed
        await system.crew.dismiss()
        ran.ends, ran.faulty_ends = system.crew.ends, system.crew.faults()
        laps.lap(ran, "to let everybody go")
        await _gather(ran, system)
        laps.lap(ran, "to gather")
    return ran


async def _play(ran: ChaosRun, system: ChaosSystem, laps: "_Laps") -> None:
    began = time.monotonic()
    customers = Customers(system, ran.log, placed=ran.placed)
    operators = Operators(system, ran.log, {order.order.order_id: order.verb for order in ran.plan.orders})
    nemesis = Nemesis(ChaosScene(system, customers, ran.hits), ran.tried)
    telling = _tell(ran, customers, began, laps.say)
    async with beside(customers.look(), operators.work(), telling), asyncio.TaskGroup() as all_of_it:
        coming = [
            all_of_it.create_task(customers.come(ran.plan, began)),
            all_of_it.create_task(place_slips(ran.plan, system, ran.log, began)),
        ]
        await nemesis.rage(ran.plan, began)
        laps.lap(ran, "until healed")
        healed, ran.healed_at = time.monotonic(), time.time()
        ran.rest = await rest(system, healed, SECONDS_TO_REST[ran.plan.short], customers.coming)
        for customer in coming:
            customer.cancel()  # they are served, unless nobody has an answer for them in all this time
        # What was late is placed before the tail; only the tail must complete.
        ran.healed_at = max(ran.healed_at, customers.tail_began)
    laps.lap(ran, "to come to rest")


async def _tell(ran: ChaosRun, customers: Customers, began: float, say: Say) -> None:
    """Print the progress every minute, until cancelled."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_NEWS)
        placed, under_way = sum(ran.placed.values()), len(customers.under_way)
        say(f"{time.monotonic() - began:6.1f} s: {placed} orders placed, {under_way} running, {len(ran.hits)} hits")


async def _gather(ran: ChaosRun, system: ChaosSystem) -> None:
    lines, ran.said = read_logs(system.folder, ran.faulty_ends)
    opening = {sku: stock for sku, (_, stock) in demo_articles.ARTICLES.items()}
    known: dict[str, Any] = {"asked": tuple(ran.log.asked), "hits": tuple(ran.hits), "log": lines}
    known |= {
        "snapshots": tuple(ran.snapshots),
        "opening_stock": opening,
        "healed_at": ran.healed_at,
        "canaries": CANARIES,
    }
    try:
        ran.evidence = await gather(system.db, system.client, **known)
    except (Unavailable, RPCError) as error:
        ran.unread = str(error)
        ran.evidence = Evidence(**known, whole=False)


class _Laps:
    """Tells how long each phase took."""

    def __init__(self, say: Say) -> None:
        self.say, self._since = say, time.monotonic()

    def lap(self, ran: ChaosRun, name: str) -> None:
        """A phase is over."""
        now = time.monotonic()
        ran.seconds[name], self._since = now - self._since, now
        self.say(f"{ran.seconds[name]:6.1f} s {name}")
