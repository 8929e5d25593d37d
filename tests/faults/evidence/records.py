"""Rows, as the database has them at the end of a run: orders, receipts, money, parcels.

Every time is in seconds since 1970. An order is named by its id; a routing slip as in its keys, `slip.{slip_id}`.
"""

from dataclasses import dataclass, field
from typing import Literal

Style = Literal["orchestrated", "choreographed", "slip"]


@dataclass(frozen=True)
class OrderRow:
    """What the orders table says, or the table of slips; without a body, total and hash are None."""

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
    """A receipt of a service; `lines` are the articles of one of the inventory's."""

    service: str
    key: str
    status: str
    undos: int
    at: float
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerEntry:
    """A row of our ledger."""

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
    """One call that an outside party wrote down; those of one key are in the order in which they took effect."""

    seq: int
    at: float
    key: str
    operation: str
    outcome: str


@dataclass(frozen=True)
class BookEntry:
    """What an outside party's book says of a key at the end; `amount` is the card provider's."""

    key: str
    status: str
    reference: str | None
    amount: int = 0


@dataclass(frozen=True)
class Parcel:
    """A row of our parcels."""

    key: str
    order_id: str
    tracking: str
    handed_over_at: float
    recalled_at: float | None


@dataclass(frozen=True)
class Transfer:
    """A row of our bank transfers."""

    key: str
    order_id: str
    status: str
    amount: int
