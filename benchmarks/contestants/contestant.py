"""Everything that is compared: how each is started, what its processes are called, how its worker is killed."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from benchmarks.measuring.driver import Driver, RunFailed
from benchmarks.measuring.stage import HERE, BenchStage

PEERS_SCHEMA = HERE / "peers" / "schema.sql"
# What the books must say after a turn: as many parcels, as much stock gone, as many charges left as completed orders.
PEERS_BOOKS = b"""
select (select count(*) from parcels), (select 20 * 100000000 - sum(available) from stock),
  (select count(*) filter (where kind = 'charge') - count(*) filter (where kind = 'refund') from ledger)
"""


@dataclass
class Running:
    """A system that is up: what places its orders, its processes by role, and what kills and replaces its worker."""

    driver: Driver
    roles: dict[str, list[int]]
    crash: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Contestant(ABC):
    """One system: its name in files and options, what people read, and what is compared with what."""

    name: str
    label: str
    # A floor takes no part in undoing, and has no books.
    saga: bool = field(default=True, kw_only=True)

    @property
    def database(self) -> str:
        """The name of its database."""
        return "bench_" + self.name.replace("-", "_")

    async def prepare(self, stage: BenchStage) -> None:
        """Make what its steps write to, once in a run."""
        stage.rows(self.database, PEERS_SCHEMA.read_bytes())

    @abstractmethod
    def running(self, stage: BenchStage) -> AbstractAsyncContextManager[Running]:
        """Hold it up for the length of a block, and yield it as Running."""

    def check(self, stage: BenchStage, completed: int) -> None:
        """Raise RunFailed unless its books hold that many orders, each effect once."""
        found = stage.rows(self.database, self.books)[0] if self.saga else ()
        if any(count != completed for count in found):
            raise RunFailed(f"{self.label}: {completed} orders were completed, and its books say {found}")

    @property
    def books(self) -> bytes:
        """The statement that counts parcels, stock gone, and charges left."""
        return PEERS_BOOKS


def chosen(contestants: Sequence[Contestant], only: Sequence[str], without: Sequence[str]) -> list[Contestant]:
    """Return the contestants by name; raise ValueError for a name that nobody has."""
    names = [contestant.name for contestant in contestants]
    if unknown := {*only, *without} - set(names):
        raise ValueError(f"nobody is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return [one for one in contestants if one.name not in without and (not only or one.name in only)]
