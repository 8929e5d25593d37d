"""One scenario of an order for each test value of the provider and the carrier."""

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from models.order import Order

CUSTOMER = {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "country": "FR"}


@dataclass(frozen=True)
class Scenario:
    """The special values of an order, and its expected outcome."""

    name: str
    token: str = "tok_ok"
    postcode: str = "69001"
    lines: tuple[tuple[str, int], ...] = (("SKU-1", 2), ("SKU-2", 1))
    status: str = "completed"
    failed_step: str | None = None
    undone: tuple[str, ...] = ()
    attempts: dict[str, int] = field(default_factory=dict)
    slow: bool = False
    express: bool = False

    def order(self, **changes: Any) -> Order:
        """Return an order of this scenario, with a new id."""
        body = {
            "order_id": f"{self.name[:30]}-{uuid.uuid4().hex[:8]}",
            "customer_id": "c-7",
            "currency": "EUR",
            "lines": tuple({"sku": sku, "quantity": quantity} for sku, quantity in self.lines),
            "payment": {"method": "card", "token": self.token},
            "ship_to": CUSTOMER | {"postcode": self.postcode},
            "express": self.express,
        }
        return Order.model_validate(body | changes)


COMPENSATED = "compensated"
SCENARIOS = [
    Scenario("completed"),
    Scenario("declined", token="tok_declined", status=COMPENSATED, failed_step="charge", undone=("reserve",)),
    Scenario("unknown-token", token="tok_who", status=COMPENSATED, failed_step="charge", undone=("reserve",)),
    Scenario("flaky", token="tok_flaky_1", attempts={"charge": 2}),
    Scenario(
        "outlives",
        token="tok_flaky_4",
        status=COMPENSATED,
        failed_step="charge",
        undone=("charge", "reserve"),
        attempts={"charge": 4},
        slow=True,
    ),
    Scenario("hang-after", token="tok_hang_after", attempts={"charge": 2}, slow=True),
    Scenario(
        "lost-after",
        token="tok_lost_after",
        status=COMPENSATED,
        failed_step="charge",
        undone=("charge", "reserve"),
        attempts={"charge": 4},
        slow=True,
    ),
    Scenario("lost-found", token="tok_lost_found", attempts={"charge": 4}, slow=True),
    Scenario("carrier-refuses", postcode="00000", status=COMPENSATED, failed_step="ship", undone=("charge", "reserve")),
    Scenario("carrier-flaky", postcode="00001", attempts={"ship": 2}),
    Scenario(
        "carrier-gone",
        postcode="00009",
        status=COMPENSATED,
        failed_step="ship",
        undone=("ship", "charge", "reserve"),
        attempts={"ship": 4},
        slow=True,
    ),
    Scenario(
        "refund-flaky",
        token="tok_refund_flaky_1",
        postcode="00000",
        status=COMPENSATED,
        failed_step="ship",
        undone=("charge", "reserve"),
    ),
    Scenario("no-stock", lines=(("SKU-1", 1), ("SKU-RARE", 2)), status=COMPENSATED, failed_step="reserve"),
]


def express(scenario: Scenario) -> Scenario:
    """Return the express variant of a scenario.

    After exhausted retries all steps are undone, because a lost workflow task may have executed any of them.
    """
    name, exhausted = f"express-{scenario.name}", scenario.failed_step in scenario.undone
    undone = ("ship", "charge", "reserve") if exhausted else scenario.undone
    token = scenario.token.replace("flaky_4", "flaky_5")  # the local attempt is an additional one
    return replace(scenario, name=name, token=token, undone=undone, express=True)


EXPRESS = [express(scenario) for scenario in SCENARIOS]
