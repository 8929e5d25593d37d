"""One chaos run: warm-up, faults, healing, rest, and gathering of the evidence."""

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

# Seconds until rest after the last fault: in a short run (True) and in a long one.
SECONDS_TO_REST = {True: 120.0, False: 300.0}
SECONDS_BETWEEN_NEWS = 60.0
PrintLine = Callable[[str], None]


@dataclass
class ChaosRun:
    """The results of a run, as far as it came."""

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
    unexpected_ends: list[End] = field(default_factory=list)
    line_counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    # The error that prevented reading the rest of the evidence; empty without one.
    unread: str = ""


async def run(plan: RunPlan, folder: Path, print_line: PrintLine) -> ChaosRun:
    """Run a plan in its own folder; no process is left running, whatever happens."""
    ran, laps = ChaosRun(plan), _Laps(print_line)
    async with open_system(folder, hasty=plan.short, apart=plan.apart) as system:
        laps.lap(ran, "to be ready")
        async with Watch(system.db) as watch:
            await _play(ran, system, laps)
        ran.snapshots, ran.snapshots_missed = watch.snapshots, watch.missed
        await system.crew.dismiss()
        ran.ends, ran.unexpected_ends = system.crew.ends, system.crew.unexpected_ends()
        laps.lap(ran, "to stop the workers")
        await _gather(ran, system)
        laps.lap(ran, "to gather")
    return ran


async def _play(ran: ChaosRun, system: ChaosSystem, laps: "_Laps") -> None:
    began = time.monotonic()
    customers = Customers(system, ran.log, placed=ran.placed)
    operators = Operators(system, ran.log, {order.order.order_id: order.verb for order in ran.plan.orders})
    nemesis = Nemesis(ChaosScene(system, customers, ran.hits), ran.tried)
    progress = _report_progress(ran, customers, began, laps.print_line)
    async with beside(customers.look(), operators.work(), progress), asyncio.TaskGroup() as tasks:
        coming = [
            tasks.create_task(customers.come(ran.plan, began)),
            tasks.create_task(place_slips(ran.plan, system, ran.log, began)),
        ]
        await nemesis.run(ran.plan, began)
        laps.lap(ran, "until healed")
        healed, ran.healed_at = time.monotonic(), time.time()
        ran.rest = await rest(system, healed, SECONDS_TO_REST[ran.plan.short], customers.coming)
        for customer in coming:
            customer.cancel()  # a customer who still waits got no answer in all this time
        # A late order may have been placed after the healing, but before the tail; only the tail must complete.
        ran.healed_at = max(ran.healed_at, customers.tail_began)
    laps.lap(ran, "to come to rest")


async def _report_progress(ran: ChaosRun, customers: Customers, began: float, print_line: PrintLine) -> None:
    """Print the progress every minute, until cancelled."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_NEWS)
        placed, under_way = sum(ran.placed.values()), len(customers.under_way)
        print_line(
            f"{time.monotonic() - began:6.1f} s: {placed} orders placed, {under_way} running, {len(ran.hits)} hits"
        )


async def _gather(ran: ChaosRun, system: ChaosSystem) -> None:
    lines, ran.line_counts = read_logs(system.folder, ran.unexpected_ends)
    opening = {sku: stock for sku, (_, stock) in demo_articles.ARTICLES.items()}
    known: dict[str, Any] = {"asked": tuple(ran.log.asked), "hits": tuple(ran.hits), "log": lines}
    known |= {
        "snapshots": tuple(ran.snapshots),
        "opening_stock": opening,
        "healed_at": ran.healed_at,
        "canaries": CANARIES,
    }
    try:
        async with system.gathered() as db:
            ran.evidence = await gather(db, system.client, **known)
    except (Unavailable, RPCError) as error:
        ran.unread = str(error)
        ran.evidence = Evidence(**known, whole=False)


class _Laps:
    """The durations of the phases."""

    def __init__(self, print_line: PrintLine) -> None:
        self.print_line, self._since = print_line, time.monotonic()

    def lap(self, ran: ChaosRun, name: str) -> None:
        """Record and print the duration of the phase that has ended."""
        now = time.monotonic()
        ran.seconds[name], self._since = now - self._since, now
        self.print_line(f"{ran.seconds[name]:6.1f} s {name}")
