"""The evidence of a run as plain data: the checker decides from this data alone, during the run or later.

Every time is in seconds since 1970. A routing slip's order id is the prefix of its keys, `slip.{slip_id}`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from tests.faults.evidence.messages import Consumed, EventRow, Letter, RecordedAlert, TracedRow
from tests.faults.evidence.records import BookEntry, LedgerEntry, OrderRow, Parcel, Receipt, RecordedCall, Transfer
from tests.faults.evidence.runs import ObservedProcess, Replay


@dataclass(frozen=True)
class Asked:
    """One request of a client and its answer; `unknown` when no answer arrived.

    `op` is place, cancel (the update: binding once accepted), request_cancel (Temporal's own: not binding), resolve,
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
    """A fault that hit something: its kind, its place, and the order if only one order was hit."""

    at: float
    fault: str
    order_id: str = ""
    where: str = ""


@dataclass(frozen=True)
class ObservedLevel:
    """The stock levels of one article."""

    available: int
    reserved: int
    sold: int
    received: int


@dataclass(frozen=True)
class Account:
    """An account of the ledger: the sums of its debits and credits."""

    debited: int
    credited: int


@dataclass(frozen=True)
class Snapshot:
    """The database at one moment, read in one transaction.

    `captured` and `refunded` are the card provider's own totals; `outcomes` counts the closed orders by status;
    `found` holds the problems that tests/conservation.py found, where it ran.
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
    """The evidence of a run. `whole` is false when it covers only some orders; then the checker compares no totals.

    `opening_stock` is the received quantity of each article. After `healed_at` no fault was injected, and only orders
    that can complete were placed. `canaries` are personal words that must not appear in the evidence.
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
    traced: tuple[TracedRow, ...] = ()
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
    """Write the evidence to a file; `python -m tests.faults.checker FILE` checks it again."""
    path.write_bytes(as_json(evidence))


def read(path: Path) -> Evidence:
    """Return the evidence in a file that `write` has written."""
    return _AS_JSON.validate_json(path.read_bytes())
