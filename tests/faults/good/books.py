"""The records of the model shop: receipts, ledger, parcels, and the outside parties' records, on one clock."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from tests.faults.evidence.records import BookEntry, LedgerEntry, Parcel, Receipt, RecordedCall

TOTAL = 4970
LINES = {"SKU-1": 2, "SKU-2": 1}
OPERATIONS = {"provider": ("charge", "refund"), "carrier": ("create", "cancel")}


class GoodBooks:
    """The tables, by the name of their field in the evidence."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tables: dict[str, list[Any]] = defaultdict(list)

    def tick(self) -> float:
        self.now = round(self.now + 0.01, 3)
        return self.now

    def add(self, table: str, record: Any) -> None:
        self.tables[table].append(record)

    def change(self, table: str, key: str, **changes: object) -> None:
        """Change the row with this key or order id."""
        rows = self.tables[table]
        at = next(n for n, row in enumerate(rows) if key in {getattr(row, "key", ""), getattr(row, "order_id", "")})
        rows[at] = replace(rows[at], **changes)

    def receipt(self, key: str) -> Any:
        return next((row for row in self.tables["receipts"] if row.key == key), None)

    def write(self, service: str, key: str, status: str) -> None:
        """Write the receipt of a do, or change the existing one for an undo."""
        if self.receipt(key):
            self.change("receipts", key, status=status, undos=1)
            return
        lines = LINES if service == "inventory" and status == "done" else {}
        self.add("receipts", Receipt(service, key, status, int(status == "tombstone"), self.tick(), lines))

    def book(self, order: str, key: str, kind: str, debit: str, credit: str) -> None:
        entry = len(self.tables["ledger"]) + 1
        self.add("ledger", LedgerEntry(entry, key, order, kind, debit, credit, TOTAL, self.tick()))

    def call(self, party: str, key: str, operation: str, outcome: str) -> None:
        calls = f"{party}_calls"
        self.add(calls, RecordedCall(len(self.tables[calls]) + 1, self.tick(), key, operation, outcome))

    def entry(self, party: str, key: str, status: str) -> None:
        rows = self.tables[f"{party}_entries"]
        rows[:] = [row for row in rows if row.key != key]
        amount = TOTAL if party == "provider" and status != "void" else 0
        reference = None if status == "void" else f"reference of {key}"
        rows.append(BookEntry(key, status, reference, amount))

    def take(self, order: str, key: str) -> None:
        self.call("provider", key, "charge", "taken")
        self.entry("provider", key, "taken")
        self.write("payments", key, "done")
        self.book(order, key, "charge", "card_clearing", "held")

    def refuse(self, party: str, service: str, key: str) -> None:
        """Record a refusal of an outside party."""
        self.call(party, key, OPERATIONS[party][0], "refused")
        self.entry(party, key, "refused")
        self.write(service, key, "refused")

    def stop(self, party: str, service: str, key: str) -> None:
        """Undo a do that never happened: write a tombstone."""
        self.write(service, key, "tombstone")
        self.call(party, key, OPERATIONS[party][1], "nothing to undo")
        self.entry(party, key, "void")

    def give_back(self, order: str, key: str) -> None:
        self.write("payments", key, "undone")
        self.call("provider", key, "refund", "taken_back")
        self.entry("provider", key, "taken_back")
        self.book(order, key, "refund", "held", "card_clearing")

    def hand_over(self, order: str, key: str, *, booked: bool = True, settled: bool = False) -> None:
        self.call("carrier", key, "create", "taken")
        self.entry("carrier", key, "taken")
        if booked:
            self.write("shipping", key, "done")
            self.add("parcels", Parcel(key, order, f"reference of {key}", self.tick(), None))
        if settled:
            self.change("receipts", key, status="settled")

    def take_back(self, order: str, key: str) -> None:
        self.write("shipping", key, "undone" if self.receipt(key) else "tombstone")
        self.call("carrier", key, "cancel", "taken_back")
        self.entry("carrier", key, "taken_back")
        rows = self.tables["parcels"]
        rows[:] = [row for row in rows if row.key != key]
        rows.append(Parcel(key, order, f"reference of {key}", self.tick(), self.tick()))
