"""Records of the orders table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from psycopg.rows import TupleRow

from models.money import Money
from models.process import OrderResult, Status, Style


@dataclass(frozen=True)
class OrderRecord:
    """One order; total and body_hash are None when it was closed before it was accepted.

    A pruned order has no receipts any more.
    """

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
        """Return the record of a row of statements.READ."""
        order_id, style, status, total, currency, *rest = row
        money = None if total is None else Money(amount=total, currency=currency)
        return cls(order_id, Style(style), Status(status), money, *rest)

    def result(self) -> OrderResult:
        """Return the order's outcome, or its status while it runs."""
        return OrderResult(order_id=self.order_id, status=self.status, total=self.total, reason=self.reason or None)


@dataclass(frozen=True)
class AcceptedOrder:
    """An accepted order, its price, and whether this call accepted it."""

    record: OrderRecord
    total: Money
    new: bool
