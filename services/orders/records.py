"""What the orders table says of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from psycopg.rows import TupleRow

from models.money import Money
from models.process import OrderResult, Status, Style


@dataclass(frozen=True)
class OrderRecord:
    """One order; total and body_hash are None when it was closed before it came. A pruned one has no receipts left."""

    order_id: str
    style: Style
    status: Status
    total: Money | None
    reason: str
    body_hash: str | None
    created_at: datetime
    closed_at: datetime | None
    pruned: bool

    @classmethod
    def of(cls, row: TupleRow) -> Self:
        """Return the record that a row of statements.READ holds."""
        order_id, style, status, total, currency, *rest = row
        money = None if total is None else Money(amount=total, currency=currency)
        return cls(order_id, Style(style), Status(status), money, *rest)

    def result(self) -> OrderResult:
        """Return how the order ended, or where it is, as far as the table knows."""
        return OrderResult(order_id=self.order_id, status=self.status, total=self.total, reason=self.reason or None)


@dataclass(frozen=True)
class AcceptedOrder:
    """An order that is in, its price, and whether it was taken only now."""

    record: OrderRecord
    total: Money
    new: bool
