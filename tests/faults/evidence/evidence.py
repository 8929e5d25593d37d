"""Everything a run left behind, as plain data: the checker decides from this alone, and so can anybody, later.

Every time is in seconds since 1970. An order is named by its id; a routing slip as in its keys, `slip.{slip_id}`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from tests.faults.evidence.messages import Consumed, EventRow, Letter, RecordedAlert
from tests.faults.evidence.records import BookEntry, LedgerEntry, OrderRow, Parcel, Receipt, RecordedCall, Transfer
from tests.faults.evidence.runs import ObservedProcess, Replay


@dataclass(frozen=True)
class Asked:
    """One thing that a client asked for, and what it was answered; `unknown` when no answer came.

    `op` is place, cancel (the update: a yes binds), request_cancel (Temporal's own: a yes binds nothing), resolve,
    deliver, redrive, terminate, reset or delete. `detail` is the hash of the body of a `place`, where it is known,
    and the step and the verb of a `resolve`: "charge retry".
    """

    at: float
    op: str
    order_id: str
    answer: Literal["ok", "refused", "unknown"]
    detail: str = ""


@dataclass(frozen=True)
class Hit:
    """A fault that hit something: its kind, where, and whose order it was if it was one order's."""

    at: float
    fault: str
    order_id: str = ""
    where: str = ""


@dataclass(frozen=True)
class ObservedLevel:
    """The stock of one article."""

    available: int
    reserved: int
    sold: int
    received: int


@dataclass(frozen=True)
class Account:
    """An account of the ledger: all that was ever debited and credited."""

    debited: int
    credited: int


@dataclass(frozen=True)
class Snapshot:
    """The database at one moment, read in one transaction.

    `captured` and `refunded` are all that the card provider ever took and gave back, by its own book; `outcomes` counts
    the closed orders by status; `found` is what tests/conservation.py found wrong, where it was asked.
    """

    at: float
    stock: dict[str, ObservedLevel]
    balances: dict[str, Account]
    captured: int
    refunded: int
    outcomes: dict[str, int] = field(default_factory=dict)
    found: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogLine:
    """A line that a process logged at WARNING or above, or wrote to stderr."""

    source: str
    level: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All of it. `whole` is false when it holds some of the database's orders only; then nothing is summed up.

    `opening_stock` is what was received of each article. After `healed_at` there were no more faults, and only orders
    were placed that can be completed. `canaries` are words that may stand nowhere in here.
    """

    asked: tuple[Asked, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    opening_stock: dict[str, int] = field(default_factory=dict)
    orders: tuple[OrderRow, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    provider_calls: tuple[RecordedCall, ...] = ()
    provider_entries: tuple[BookEntry, ...] = ()
    carrier_calls: tuple[RecordedCall, ...] = ()
    carrier_entries: tuple[BookEntry, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    processes: tuple[ObservedProcess, ...] = ()
    events: tuple[EventRow, ...] = ()
    consumed: tuple[Consumed, ...] = ()
    alerts: tuple[RecordedAlert, ...] = ()
    letters: tuple[Letter, ...] = ()
    replays: tuple[Replay, ...] = ()
    log: tuple[LogLine, ...] = ()
    hits: tuple[Hit, ...] = ()
    canaries: tuple[str, ...] = ()
    whole: bool = True
    gathered_at: float = 0.0
    healed_at: float | None = None


_AS_JSON = TypeAdapter(Evidence)


def as_json(evidence: Evidence) -> bytes:
    """Return the evidence as one JSON document."""
    return _AS_JSON.dump_json(evidence)


def write(evidence: Evidence, path: Path) -> None:
    """Keep the evidence in a file; `python -m tests.faults.checker FILE` checks it again."""
    path.write_bytes(as_json(evidence))


def read(path: Path) -> Evidence:
    """Return evidence that was kept in a file."""
    return _AS_JSON.validate_json(path.read_bytes())
