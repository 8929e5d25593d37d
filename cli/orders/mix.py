"""Test orders: each kind has the simulated providers' test values and an expected status."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.errors import InvalidInput
from models.order import Order
from models.process import Status


@dataclass(frozen=True)
class OrderKind:
    """A kind of test order: a short description, its expected status, and its test values."""

    what: str
    ends: Status = Status.COMPLETED
    token: str = "tok_ok"  # noqa: S105 - a test value, not a secret
    postcode: str = "69001"
    sku: str = ""
    quantity: int = 1


KINDS = {
    "ok": OrderKind("completed"),
    "declined": OrderKind("card declined", Status.COMPENSATED, token="tok_declined"),  # noqa: S106
    "no_stock": OrderKind("out of stock", Status.COMPENSATED, sku="SKU-RARE", quantity=1000),
    "refused": OrderKind("refused by the carrier", Status.COMPENSATED, postcode="00000"),
    "flaky": OrderKind("recovered by retries", token="tok_flaky_2"),  # noqa: S106
    "lost_answer": OrderKind("survived a lost answer", token="tok_hang_after"),  # noqa: S106
}
ARTICLES = 20


def trial_order(kind: str, order_id: str, number: int = 1) -> Order:
    """Return an order of a kind; `number` distributes the orders over the articles."""
    values = KINDS[kind]
    return Order.model_validate(
        {
            "order_id": order_id,
            "customer_id": "c-test",
            "currency": "EUR",
            "lines": ({"sku": values.sku or f"SKU-{number % ARTICLES + 1}", "quantity": values.quantity},),
            "payment": {"method": "card", "token": values.token},
            "ship_to": {
                "name": "A. Customer",
                "street": "1 Main St",
                "city": "Lyon",
                "postcode": values.postcode,
                "country": "FR",
            },
        }
    )


def read_mix(text: str) -> dict[str, int]:
    """Return the share of each kind in a mix such as "ok=60,declined=10"; raise InvalidInput."""
    shares: dict[str, int] = {}
    for part in text.split(","):
        kind, _, share = part.strip().partition("=")
        if kind not in KINDS:
            raise InvalidInput("--mix", f"unknown kind {kind!r}; must be one of {', '.join(KINDS)}")
        if kind in shares or not re.fullmatch("[0-9]{1,6}", share):
            raise InvalidInput("--mix", f"{kind} needs one whole number, such as {kind}=10")
        shares[kind] = int(share)
    if not sum(shares.values()):
        raise InvalidInput("--mix", "needs a share above 0")
    return shares


def kinds_of(shares: dict[str, int], number: int) -> Iterator[str]:
    """Yield `number` kinds in the proportions of the mix, evenly distributed and always in the same order."""
    credit = dict.fromkeys(shares, 0)
    for _ in range(number):
        for kind, share in shares.items():
            credit[kind] += share
        chosen = max(credit, key=lambda kind: credit[kind])
        credit[chosen] -= sum(shares.values())
        yield chosen
