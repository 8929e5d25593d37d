"""Stock and account balances before and after some orders: only completed orders may change them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from models.order import Order
from services.assembly import Services
from services.inventory.inventory import Level


@dataclass(frozen=True)
class Books:
    """The stock of every article and the balance of every account (minor units), at one moment."""

    stock: dict[str, Level]
    money: dict[str, int]


async def read_books(services: Services) -> Books:
    """Return the current stock and balances; raise Unavailable."""
    return Books(await services.inventory.levels(), await services.ledger.balances())


def differences(before: Books, after: Books, completed: Iterable[tuple[Order, int]]) -> list[str]:
    """Return one line for each change of stock or balance that the completed orders don't explain.

    `completed` are the completed orders, each with its total in minor units.
    """
    sold: Counter[str] = Counter()
    earned = 0
    for order, total in completed:
        earned += total
        for line in order.lines:
            sold[line.sku] += line.quantity
    expected = {"card_clearing": earned, "bank": 0, "held": 0, "revenue": earned}
    wrong = [
        f"{account}: changed by {moved}, expected {expected[account]}"
        for account, was in before.money.items()
        if (moved := after.money[account] - was) != expected[account]
    ]
    for sku, was in before.stock.items():
        now, quantity = after.stock[sku], sold[sku]
        should = Level(was.available - quantity, was.reserved, was.sold + quantity, was.received)
        if now != should:
            wrong.append(f"{sku}: is {now}, expected {should}")
    return wrong
