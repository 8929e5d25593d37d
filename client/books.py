"""Stock and money before and after some orders: what was sold is what completed, and nothing else moved."""

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
    """Return the books as they stand; raise Unavailable."""
    return Books(await services.inventory.levels(), await services.ledger.balances())


def differences(before: Books, after: Books, completed: Iterable[tuple[Order, int]]) -> list[str]:
    """Return, a line each, what moved otherwise than by these completed orders at these totals (minor units)."""
    sold: Counter[str] = Counter()
    earned = 0
    for order, total in completed:
        earned += total
        for line in order.lines:
            sold[line.sku] += line.quantity
    expected = {"card_clearing": earned, "bank": 0, "held": 0, "revenue": earned}
    wrong = [
        f"{account}: moved by {moved}, not {expected[account]}"
        for account, was in before.money.items()
        if (moved := after.money[account] - was) != expected[account]
    ]
    for sku, was in before.stock.items():
        now, quantity = after.stock[sku], sold[sku]
        should = Level(was.available - quantity, was.reserved, was.sold + quantity, was.received)
        if now != should:
            wrong.append(f"{sku}: {now}, not {should}")
    return wrong
