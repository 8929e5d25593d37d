"""Records of the orders table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from psycopg.rows import TupleRow
from pydantic import ValidationError

from models.money import Money
from models.process import OrderResult, Status, Style


def price_of(total: int | None, currency: str | None) -> Money | None:
    """Return the price in two columns, None without one that this version can read: it must not hide other orders."""
    if total is None or currency is None:
        return None
    try:
        return Money(amount=total, currency=currency)
    except ValidationError:
        return None


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
        money = price_of(total, currency)
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
