"""Place orders from a shop's backend. While `make up` runs: python -m examples.place_an_order ORDER_ID [SKU]."""

import asyncio
import os
import sys

from models.commands import CancelOrder
from models.errors import Conflict, OrderRejected, Unavailable
from models.order import Address, BankTransfer, Line, Order, Payment
from models.process import OrderResult
from orders import OrdersClient, connect


def order_of(order_id: str, sku: str, payment: Payment | BankTransfer) -> Order:
    """Return an order of two pieces; the catalogue, not the order, has the price."""
    return Order(
        order_id=order_id,
        customer_id="c-7",
        currency="EUR",
        lines=(Line(sku=sku, quantity=2),),
        payment=payment,
        ship_to=Address(name="A. Customer", street="1 Main St", city="Lyon", postcode="69001", country="FR"),
    )


async def buy(orders: OrdersClient, order: Order) -> OrderResult:
    """Place an order and wait for its outcome; an order that was placed before is not run again."""
    placed = await orders.place(order)
    return await orders.result(placed)


async def buy_and_cancel(orders: OrdersClient, order: Order) -> OrderResult:
    """Place an order, cancel it before it ships, and wait until every completed step is undone."""
    placed = await orders.place(order)
    await orders.cancel(order.order_id, CancelOrder(reason="ordered by mistake", actor=order.customer_id))
    return await orders.result(placed)


async def main(order_id: str, sku: str = "SKU-1") -> int:
    """Buy by card, then buy by bank transfer and cancel; return the exit code."""
    by_card = order_of(order_id, sku, Payment(method="card", token="tok_ok"))
    by_transfer = order_of(f"{order_id}-2", sku, BankTransfer(method="bank_transfer", reference="ref_2026_17"))
    async with connect() as orders:
        try:
            for act, order in ((buy, by_card), (buy_and_cancel, by_transfer)):
                result = await act(orders, order)
                print(f"order {result.order_id}: {result.status}, total {result.total}", flush=True)
        except OrderRejected as error:  # unknown article or another price: correct the order
            print(f"rejected: {error}", file=sys.stderr)
        except Conflict as error:  # the id belongs to another order, or the order can no longer be cancelled
            print(f"conflict: {error}", file=sys.stderr)
        except Unavailable as error:  # place the same order again later: each effect happens once
            print(f"unavailable: {error}", file=sys.stderr)
        else:
            return 0
    return 1


if __name__ == "__main__":
    os._exit(asyncio.run(main(*sys.argv[1:])))  # not sys.exit: the SDK's threads can crash the interpreter's shutdown
