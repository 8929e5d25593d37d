"""The faults of a run, drawn at random: kind, time, target and duration."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from models.participants import SERVICES, Owner
from tests.spread import owner_of

WORKERS = ("worker-1", "worker-2", "worker-3")
# With the services apart: two workers of the orders, and one of each service.
WORKERS_APART = ("worker-1", "worker-2", *(f"{service}-1" for service in SERVICES))
WORKER, RELAY, SERVERS, LINKS, DATABASE = "worker", "relay", "server", "link", "database"
FAULTS = {
    "worker_kill": WORKER,
    "worker_pause": WORKER,
    "worker_drain": WORKER,
    "relay_kill": RELAY,
    "temporal_kill": SERVERS,
    "postgres_kill": SERVERS,
    "postgres_stop": SERVERS,
    "temporal_outage": SERVERS,
    "postgres_outage": SERVERS,
    "link_cut": LINKS,
    "link_stall": LINKS,
    "link_delay": LINKS,
    "link_reset": LINKS,
    "reply_lost": LINKS,
    "backend_terminated": DATABASE,
    "table_locked": DATABASE,
    "database_read_only": DATABASE,
}
# Outages last up to a minute, so only every sixth deck has them: the system must also do some work.
OUTAGES = ("temporal_outage", "postgres_outage")
DECKS_BETWEEN_OUTAGES = 6
# A worker's death is the fault that a saga is made for, so it is drawn twice as often.
DECK = (*(kind for kind in FAULTS if kind not in OUTAGES), "worker_kill")
# The part of a run that one outage may take.
OUTAGE_AT_MOST = 1 / 6
TABLES = (
    "orders.orders",
    "inventory.stock",
    "inventory.receipts",
    "payments.receipts",
    "payments.ledger",
    "shipping.receipts",
    "card_provider.entries",
    "payments.outbox",
    "shipping.inbox",
    "trace.events",
)
# The duration of a fault in seconds, from and to: a pause exceeds a heartbeat timeout, and often an attempt's timeout.
LASTS = {
    "worker_pause": (2.5, 14.0),
    "table_locked": (1.0, 5.0),
    "database_read_only": (1.0, 8.0),
    "link_stall": (1.0, 8.0),
    "link_delay": (1.0, 6.0),
    "temporal_outage": (8.0, 60.0),
    "postgres_outage": (8.0, 60.0),
}
LASTS_ELSE = (0.2, 3.0)


@dataclass(frozen=True)
class PlannedFault:
    """A fault: its second, its worker, that worker's link, its duration in seconds, and its table.

    A fault of a database strikes that of the service whose table it is.

    `late` is the delay in seconds after the worker's request: the fault strikes before, at or after the answer.
    """

    at: float
    kind: str
    worker: int
    way: str
    seconds: float
    table: str
    late: float

    @property
    def database(self) -> Owner:
        """The service whose database the fault strikes, if it strikes one."""
        return owner_of(self.table.partition(".")[0])


def workers_of(*, apart: bool) -> tuple[str, ...]:
    """Return the names of the worker processes of a run."""
    return WORKERS_APART if apart else WORKERS


def draw_faults(
    chance: random.Random, begins: float, ends: float, gap: float, workers: int = len(WORKERS)
) -> Iterator[PlannedFault]:
    """Yield faults with exponential gaps that fill the time; every kind occurs once before any repeats."""
    count = round((ends - begins) / gap)
    gaps = [chance.expovariate(1.0) for _ in range(count + 1)]
    at, scale = begins, (ends - begins) / sum(gaps)
    for kind, each in zip(_dealt(chance, count), gaps, strict=False):
        at += each * scale
        yield PlannedFault(
            at,
            kind,
            chance.randrange(workers),
            chance.choice(("database", "database", "temporal")),
            _duration(chance, kind, ends - begins),
            chance.choice(TABLES),
            late=chance.uniform(0, 0.008),
        )


def _duration(chance: random.Random, kind: str, length: float) -> float:
    seconds = chance.uniform(*LASTS.get(kind, LASTS_ELSE))
    return min(seconds, length * OUTAGE_AT_MOST) if kind in OUTAGES else seconds


def _dealt(chance: random.Random, count: int) -> list[str]:
    dealt: list[str] = []
    decks = 0
    while len(dealt) < count:
        deck = [*DECK, *OUTAGES] if decks % DECKS_BETWEEN_OUTAGES == 0 else list(DECK)
        chance.shuffle(deck)
        dealt += deck
        decks += 1
    return dealt[:count]
