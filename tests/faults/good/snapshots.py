"""Snapshots of the model shop."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.evidence.evidence import Account, ObservedLevel, Snapshot

OPENING = {"SKU-1": 100, "SKU-2": 100}
ACCOUNTS = ("card_clearing", "bank", "held", "revenue")
Tables = Mapping[str, Sequence[Any]]


def snapshot_of(tables: Tables, at: float) -> Snapshot:
    """Return a snapshot with the sums of the tables."""
    entries = tables["provider_entries"]
    closed = [row.status for row in tables["orders"] if row.closed_at is not None and row.style != "slip"]
    return Snapshot(
        at=at,
        stock={sku: _level(tables, sku) for sku in OPENING},
        balances={name: _account(tables, name) for name in ACCOUNTS},
        captured=sum(entry.amount for entry in entries if entry.status in {"taken", "taken_back"}),
        refunded=sum(entry.amount for entry in entries if entry.status == "taken_back"),
        outcomes=dict(Counter(closed)),
    )


def _level(tables: Tables, sku: str) -> ObservedLevel:
    held: Counter[str] = Counter()
    for receipt in tables["receipts"]:
        held[receipt.status] += receipt.lines.get(sku, 0)
    left = OPENING[sku] - held["done"] - held["settled"]
    return ObservedLevel(left, reserved=held["done"], sold=held["settled"], received=OPENING[sku])


def _account(tables: Tables, name: str) -> Account:
    ledger = tables["ledger"]
    debited = sum(entry.amount for entry in ledger if entry.debit == name)
    return Account(debited, sum(entry.amount for entry in ledger if entry.credit == name))
