"""The faults of a run, drawn by chance: which, when, on what, for how long."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

WORKERS = 3
WORKER, RELAY, SERVERS, LINKS, DATABASE = "worker", "relay", "server", "link", "database"
FAULTS = {
    "worker_kill": WORKER,
    "worker_pause": WORKER,
    "worker_drain": WORKER,
    "relay_kill": RELAY,
    "temporal_kill": SERVERS,
    "postgres_kill": SERVERS,
    "postgres_stop": SERVERS,
    "link_cut": LINKS,
    "link_stall": LINKS,
    "link_delay": LINKS,
    "link_reset": LINKS,
    "reply_lost": LINKS,
    "backend_terminated": DATABASE,
    "table_locked": DATABASE,
}
# A worker that dies in the middle of something is the fault that a saga is made for.
DECK = (*FAULTS, "worker_kill")
TABLES = (
    "orders.orders",
    "inventory.stock",
    "inventory.receipts",
    "payments.receipts",
    "payments.ledger",
    "shipping.receipts",
    "card_provider.entries",
    "outbox.events",
)
# How long a fault lasts, from and to: a pause outlasts a heartbeat, and often an attempt with all its grace.
LASTS = {"worker_pause": (2.5, 14.0), "table_locked": (1.0, 5.0), "link_stall": (1.0, 8.0), "link_delay": (1.0, 6.0)}
LASTS_ELSE = (0.2, 3.0)


@dataclass(frozen=True)
class PlannedFault:
    """A fault: when, on which worker, on which of its two ways, for how long, on which table.

    `late` is how many seconds after the worker's question it strikes: before the answer, at it, or after it.
    """

    at: float
    kind: str
    worker: int
    way: str
    seconds: float
    table: str
    late: float


def draw_faults(chance: random.Random, begins: float, ends: float, gap: float) -> Iterator[PlannedFault]:
    """Faults with exponential gaps that fill the time; every kind once before any comes again."""
    count = round((ends - begins) / gap)
    gaps = [chance.expovariate(1.0) for _ in range(count + 1)]
    at, scale = begins, (ends - begins) / sum(gaps)
    for kind, each in zip(_dealt(chance, count), gaps, strict=False):
        at += each * scale
        yield PlannedFault(
            at,
            kind,
            chance.randrange(WORKERS),
            chance.choice(("database", "database", "temporal")),
            chance.uniform(*LASTS.get(kind, LASTS_ELSE)),
            chance.choice(TABLES),
            late=chance.uniform(0, 0.008),
        )


def _dealt(chance: random.Random, count: int) -> list[str]:
    dealt: list[str] = []
    while len(dealt) < count:
        deck = list(DECK)
        chance.shuffle(deck)
        dealt += deck
    return dealt[:count]
