"""One turn of one system: started, warmed up, measured alone, under load and on the way back, then crashed."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants.contestant import Contestant, Running
from benchmarks.measuring import cpu, figures
from benchmarks.measuring.driver import Event, RunFailed
from benchmarks.measuring.stage import BenchStage

IN_FLIGHT = 30
# The worker is killed half way through a crowd of orders; again, and sooner, when the kill hit no order in flight.
CROWD, CRASHES = 60, 5


@dataclass(frozen=True)
class TurnPlan:
    """The measured seconds of each part of a turn; 0 leaves the part out."""

    rounds: int = 5
    alone: float = 5.0
    load: float = 8.0
    undo: float = 4.0
    warm: float = 2.0
    crash: bool = True


class Turn:
    """A system's turn in a round, and its figures so far."""

    def __init__(self, contestant: Contestant, number: int, plan: TurnPlan) -> None:
        self._contestant, self._plan = contestant, plan
        self._prefix = f"r{number}"
        self.completed = 0
        self.taken: dict[str, Any] = {"name": contestant.name, "round": number}

    async def measure(self, stage: BenchStage) -> None:
        """Start the system, measure all parts of the plan, and stop the system."""
        async with self._contestant.running(stage) as running:
            await self.take(running)
            if self._plan.crash and self._contestant.saga and "load" in self.taken:
                self.taken["crash"] = await self._crash(running)

    async def take(self, running: Running) -> None:
        """Measure the parts of the plan on a running system, except the crash."""
        plan = self._plan
        await self._stretch(running, "alone", "ok", 1, plan.alone)
        await self._stretch(running, "load", "ok", IN_FLIGHT, plan.load)
        if self._contestant.saga:
            await self._stretch(running, "undo", "refused", 1, plan.undo)

    async def take_batch(self, running: Running, orders: int) -> None:
        """Measure the load with a fixed number of orders, so that no order is cut off at the end of a window."""
        running.driver.send("batch", prefix=f"{self._prefix}-batch", orders=orders, in_flight=IN_FLIGHT)
        done, used = await watched(running)
        self._take_down("load", done, used)

    def _take_down(self, name: str, done: Event, used: dict[str, float]) -> None:
        if not done["milliseconds"]:
            raise RunFailed(f"{self._contestant.label}, {name}: no order ended within the time that was measured")
        self.taken[name] = figures.sample(done["milliseconds"], done["seconds"], used)

    async def _stretch(self, running: Running, name: str, kind: str, in_flight: int, seconds: float) -> None:
        if not seconds:
            return
        running.driver.send(
            "run",
            prefix=f"{self._prefix}-{name}",
            kind=kind,
            in_flight=in_flight,
            warm=self._plan.warm,
            seconds=seconds,
        )
        done, used = await watched(running)
        if kind == "ok":
            self.completed += done["placed"]
        self._take_down(name, done, used)

    async def _crash(self, running: Running) -> dict[str, Any]:
        """Kill the worker while orders are in flight; return their number, and the seconds until all have ended."""
        after = CROWD / self.taken["load"]["per_second"]
        for attempt in range(CRASHES):
            after /= 2  # half way; when that was too late, sooner
            crowd = [f"{self._prefix}-crash{attempt}-{number}" for number in range(CROWD)]
            in_flight, seconds = await crash_of(running, crowd, after)
            self.completed += CROWD
            if in_flight:
                return {"in_flight": in_flight, "seconds": seconds}
        raise RunFailed(f"{self._contestant.label}: no order was in flight in {CRASHES} crashes")


async def crash_of(running: Running, crowd: list[str], after: float) -> tuple[int, float]:
    """Place a crowd of orders, kill the worker after `after` seconds; return the orders in flight, and the seconds."""
    placed_by, events = running.driver, list[Event]()
    placed_by.send("crowd", order_ids=crowd)
    await asyncio.sleep(after)
    killed = time.monotonic()
    await running.crash()
    if running.driver is placed_by:
        await placed_by.until_done(events.append)
    else:
        events = await placed_by.remaining_events()
        ended = {event["order_id"] for event in events if event["event"] == "ended"}
        running.driver.send("find", order_ids=[order_id for order_id in crowd if order_id not in ended])
        await running.driver.until_done()
    seconds = time.monotonic() - killed
    before = sum(event["event"] == "ended" and event["at"] < killed for event in events)
    return len(crowd) - before, seconds


async def watched(running: Running) -> tuple[Event, dict[str, float]]:
    """Wait for the end of a command; return the event `done`, and the CPU seconds of each role in the window."""
    looks = []

    def look(_event: Event) -> None:
        looks.append(cpu.by_role(running.roles))

    done = await running.driver.until_done(look)
    opened, closed = looks
    return done, {role: closed[role] - opened[role] for role in opened}
