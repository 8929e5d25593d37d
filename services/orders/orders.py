"""Orders and their outcomes. The primary key and the body's hash permanently identify the order of an id."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from models.accepted import AcceptedProcess, steps_of_order
from models.activities.orders import Priced
from models.errors import AlreadyUndone, Conflict, InvalidInput, NotFound, OrderRejected, Unavailable
from models.money import Money
from models.order import Order
from models.problems import first_problem
from models.process import Status, Style
from postgres.connection import begun
from postgres.database import Database
from services.orders import statements
from services.orders.records import AcceptedOrder, OrderRecord


class Orders:
    """Accepts orders at the catalogue's price, and stores them with their outcomes."""

    def __init__(self, db: Database, remember: Callable[[AcceptedProcess], None] = lambda _: None) -> None:
        """`remember` gets what was accepted, for the participants that ask for it next."""
        self._db, self._remember = db, remember

    async def accept(self, order: Order, style: Style = Style.ORCHESTRATED) -> AcceptedOrder:
        """Accept the order once, at the catalogue's price; a repeated call returns the stored order.

        Raises OrderRejected that names the field, Conflict when the id has another body or style, AlreadyUndone,
        Unavailable.
        """
        params = {
            "order_id": order.order_id,
            "style": style.value,
            "body": order.model_dump_json(),
            "hash": order.body_hash(),
            "total": order.total,
            "currency": order.currency,
            "skus": [line.sku for line in order.lines],
            "quantities": [line.quantity for line in order.lines],
        }
        refusal, new, *row = await self._db.row(statements.ACCEPT, params) or (None, None)
        if new is not None:
            known: OrderRecord | None = OrderRecord.of(tuple(row))
        else:  # refused; or accepted by a concurrent call that this statement's snapshot doesn't include
            with begun():
                known = await self.find(order.order_id)
        if known is None:
            raise OrderRejected(refusal) if refusal else Unavailable("the order can't be read back")
        accepted = _accepted(order, style, known, new=bool(new))
        if known.closed_at is None:
            self._remember(_process(order.order_id, order.model_dump(mode="json"), accepted.total))
        return accepted

    async def accept_to_run(self, order: Order) -> Priced:
        """Accept an order whose run begins; raise as `accept` does, and OrderRejected for a pruned order."""
        accepted = await self.accept(order)
        if accepted.record.pruned:
            # The receipts are gone, so nothing else would prevent a second execution of its effects.
            raise OrderRejected(f"order_id: {order.order_id} ended long ago as {accepted.record.status} and was pruned")
        return Priced(total=accepted.total)

    async def find(self, order_id: str) -> OrderRecord | None:
        """Return the record of an order, None when there is none."""
        row = await self._db.row(statements.READ, {"order_id": order_id})
        return OrderRecord.of(row) if row else None

    async def stored(self, order_id: str) -> tuple[Order, Money]:
        """Return an order as it was placed, and its price; raise NotFound, InvalidInput when its body can't be read."""
        row = await self._db.row(statements.READ_BODY, {"order_id": order_id})
        if row is None:
            raise NotFound(f"{order_id}: no such order")
        body, total, currency, *_ = row
        try:
            return Order.model_validate_json(body), Money(amount=total, currency=currency)
        except ValidationError as error:
            field, problem = first_problem(error)
            raise InvalidInput(f"body.{field}", f"of the stored order {order_id}: {problem}") from None

    async def accepted(self, order_id: str) -> AcceptedProcess | None:
        """Return what an accepted order asks of the participants, None when there is no such order."""
        row = await self._db.row(statements.READ_BODY, {"order_id": order_id})
        if row is None:
            return None
        body, total, currency, ended, final = row
        money = Money(amount=total, currency=currency)
        return _process(order_id, json.loads(body), money, ended=ended, final=ended and final)

    async def of_ids(self, order_ids: Sequence[str]) -> list[OrderRecord]:
        """Return the records of these orders, in any order, without those that don't exist; raise Unavailable."""
        return [OrderRecord.of(row) for row in await self._db.rows(statements.OF_IDS, {"order_ids": list(order_ids)})]

    async def open_of_style(self, style: Style, limit: int, before: datetime | None) -> list[OrderRecord]:
        """Return up to `limit` open orders of a style, newest first, accepted at `before` or earlier."""
        params = {"style": style.value, "limit": limit, "before": before}
        return [OrderRecord.of(row) for row in await self._db.rows(statements.OPEN_OF_STYLE, params)]

    async def by_status(self, status: Status, limit: int = 100, after: str | None = None) -> list[OrderRecord]:
        """Return up to `limit` orders of a status, oldest first, after the order id `after`."""
        rows = await self._db.rows(statements.BY_STATUS, {"status": status.value, "limit": limit, "after": after})
        return [OrderRecord.of(row) for row in rows]


def _process(
    order_id: str, body: dict[str, Any], total: Money, *, ended: bool = False, final: bool = False
) -> AcceptedProcess:
    if "payment" not in body:
        return AcceptedProcess(process=order_id, ended=True, final=final, pruned=True)
    steps = steps_of_order(body["lines"], body["payment"], body["ship_to"], total.model_dump(mode="json"))
    return AcceptedProcess(process=order_id, steps=steps, ended=ended, final=final)


def _accepted(order: Order, style: Style, known: OrderRecord, *, new: bool) -> AcceptedOrder:
    """Return the accepted order, new or known before; raise as `accept` does."""
    if known.total is None:
        raise AlreadyUndone(f"{order.order_id}: was closed as {known.status} before it was accepted")
    if known.style is not style:
        raise Conflict(f"{order.order_id}: was placed with the style {known.style}; place it again with that style")
    if known.body_hash != order.body_hash():
        raise Conflict(f"{order.order_id}: is the id of another order; use a new order_id")
    return AcceptedOrder(known, known.total, new)
