"""The processes of a drill: orders of each style and slips, which charge their card when the provider goes down."""

import asyncio
import json

from client.orders import OrdersClient
from models.order import Order
from models.slips.slip import RoutingSlip
from runtime.settings import PROJECT

# They still try to charge, or have to give the money back, while the provider is down.
TOKENS = ("tok_flaky_2", "tok_flaky_1", "tok_ok", "tok_flaky_3")
POSTCODES = ("69001", "00000")
ADDRESS = {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "country": "FR"}
STYLES = ("regular", "express", "choreographed", "slip", "regular")
SECONDS_BETWEEN = 0.05


async def place_all(orders: OrdersClient, count: int) -> None:
    """Place `count` processes of all styles, one after the other."""
    for number in range(count):
        style = STYLES[number % len(STYLES)]
        token, postcode = TOKENS[number // 2 % len(TOKENS)], POSTCODES[number % len(POSTCODES)]
        if style == "slip":
            await orders.slips.place(_slip(f"drill-{number}", token, postcode))
        elif style == "choreographed":
            await orders.choreographed.place(_order(f"drill-{number}", token, postcode, express=False))
        else:
            await orders.place(_order(f"drill-{number}", token, postcode, express=style == "express"))
        await asyncio.sleep(SECONDS_BETWEEN)


def _order(order_id: str, token: str, postcode: str, *, express: bool) -> Order:
    body = {
        "order_id": order_id,
        "customer_id": "c-7",
        "currency": "EUR",
        "lines": [{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-2", "quantity": 2}],
        "payment": {"method": "card", "token": token},
        "ship_to": {**ADDRESS, "postcode": postcode},
        "express": express,
    }
    return Order.model_validate_json(json.dumps(body))


def _slip(slip_id: str, token: str, postcode: str) -> RoutingSlip:
    body = json.loads((PROJECT / "itineraries" / "gift.json").read_text())
    body["slip_id"] = slip_id
    body["variables"] |= {"token": token, "ship_to": {**ADDRESS, "postcode": postcode}}
    return RoutingSlip.model_validate_json(json.dumps(body))
