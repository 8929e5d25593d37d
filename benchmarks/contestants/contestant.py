"""The compared systems: how each is started, the roles of its processes, how its worker is killed."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from benchmarks.measuring.driver import Driver, RunFailed
from benchmarks.measuring.stage import HERE, BenchStage

PEERS_SCHEMA = HERE / "peers" / "schema.sql"
# After a turn, parcels, stock gone and charges left must each equal the number of completed orders.
PEERS_BOOKS = b"""
select (select count(*) from parcels), (select 20 * 100000000 - sum(available) from stock),
  (select count(*) filter (where kind = 'charge') - count(*) filter (where kind = 'refund') from ledger)
"""


@dataclass
class Running:
    """A running system: the driver that places its orders, its processes by role, and how to crash its worker."""

    driver: Driver
    roles: dict[str, list[int]]
    crash: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Contestant(ABC):
    """One system: its name in files and options, and its label in tables."""

    name: str
    label: str
    # A floor has no undo and no effects.
    saga: bool = field(default=True, kw_only=True)

    @property
    def database(self) -> str:
        """The name of the system's database."""
        return "bench_" + self.name.replace("-", "_")

    async def prepare(self, stage: BenchStage) -> None:
        """Create the tables of the steps, once in a run."""
        stage.rows(self.database, PEERS_SCHEMA.read_bytes())

    @abstractmethod
    def running(self, stage: BenchStage) -> AbstractAsyncContextManager[Running]:
        """Run the system for the length of the block."""

    def check(self, stage: BenchStage, completed: int) -> None:
        """Raise RunFailed unless its database contains `completed` orders with each effect once."""
        found = stage.rows(self.database, self.books)[0] if self.saga else ()
        if any(count != completed for count in found):
            raise RunFailed(f"{self.label}: {completed} orders were completed, but its database contains {found}")

    @property
    def books(self) -> bytes:
        """The statement that counts parcels, stock gone, and charges left."""
        return PEERS_BOOKS


def chosen(contestants: Sequence[Contestant], only: Sequence[str], without: Sequence[str]) -> list[Contestant]:
    """Return the contestants by name; raise ValueError for an unknown name."""
    names = [contestant.name for contestant in contestants]
    if unknown := {*only, *without} - set(names):
        raise ValueError(f"unknown system {', '.join(sorted(unknown))}; known are {', '.join(names)}")
    return [one for one in contestants if one.name not in without and (not only or one.name in only)]
