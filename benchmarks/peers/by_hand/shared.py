"""The data that the workflow and its activities exchange."""

from dataclasses import dataclass

TASK_QUEUE = "orders"


@dataclass
class Order:
    """An order as the customer sent it."""

    order_id: str
    customer_id: str
    currency: str
    lines: list[dict[str, str | int]]
    payment: dict[str, str]
    ship_to: dict[str, str]
