"""Database rows at the end of a run: orders, receipts, money, parcels.

Every time is in seconds since 1970. A routing slip's order id is the prefix of its keys, `slip.{slip_id}`.
"""

from dataclasses import dataclass, field
from typing import Literal

Style = Literal["orchestrated", "choreographed", "slip"]


@dataclass(frozen=True)
class OrderRow:
    """A row of the orders or slips table; without a stored body, `total` and `body_hash` are None."""

    order_id: str
    style: Style
    status: str
    reason: str
    total: int | None
    body_hash: str | None
    lines: dict[str, int]
    created_at: float
    closed_at: float | None
    method: str = "card"


@dataclass(frozen=True)
class Receipt:
    """A receipt of a service; `lines` are the articles of an inventory receipt, sku → quantity."""

    service: str
    key: str
    status: str
    undos: int
    at: float
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerEntry:
    """A row of the payments ledger; `amount` in minor units."""

    entry: int
    key: str
    order_id: str
    kind: str
    debit: str
    credit: str
    amount: int
    at: float


@dataclass(frozen=True)
class RecordedCall:
    """One call that an outside party recorded; `seq` is the order in which the calls took effect."""

    seq: int
    at: float
    key: str
    operation: str
    outcome: str


@dataclass(frozen=True)
class BookEntry:
    """The final state of a key at an outside party; `amount` in minor units, 0 for the carrier."""

    key: str
    status: str
    reference: str | None
    amount: int = 0


@dataclass(frozen=True)
class Parcel:
    """A row of the parcels table."""

    key: str
    order_id: str
    tracking: str
    handed_over_at: float
    recalled_at: float | None


@dataclass(frozen=True)
class Transfer:
    """A row of the bank transfers table; `amount` in minor units."""

    key: str
    order_id: str
    status: str
    amount: int
