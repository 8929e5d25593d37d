"""Orders that are parked within a second, because the test makes their undo impossible; the test can allow it again."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg

from tests.cli.conftest import Starter, as_bytes, order_document
from tests.systems import Environment

SECONDS_TO_HAPPEN = 60


def new_id(prefix: str = "o") -> str:
    return f"{prefix}-{uuid4().hex[:12]}"


def paying_with(token: str) -> dict[str, Any]:
    return {"payment": {"method": "card", "token": token}}


def shipped_to(postcode: str) -> dict[str, Any]:
    return {"ship_to": {**order_document()["ship_to"], "postcode": postcode}}


def until(look: Callable[[], Any]) -> Any:
    """Return the first true result of `look`; fail after SECONDS_TO_HAPPEN."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return seen


def until_status(starter: Starter, order_id: str, status: str) -> Any:
    """Wait until the order has this status, and return its status document."""
    return until(lambda: (found := starter("status", order_id, "--json").document)["status"] == status and found)


def until_step(starter: Starter, order_id: str, step: str, status: str) -> None:
    """Wait until the do of a step has this status."""

    def there() -> bool:
        state = starter("status", order_id, "--json").document["state"]
        lines = state["history"] if state else ()
        return any((line["step"], line["direction"], line["status"]) == (step, "do", status) for line in lines)

    until(there)


def sql(system: Environment, statement: str, *values: object) -> list[Any]:
    """Run a statement on the database of a running system; return its rows."""
    with psycopg.connect(system["DATABASE_URL"]) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def forbid_refund(system: Environment, order_id: str) -> None:
    """Record the charge as settled, so that its refund is refused permanently."""
    sql(system, "update payments.receipts set status = 'settled' where key = %s", f"{order_id}:charge")


def allow_refund(system: Environment, order_id: str) -> None:
    sql(system, "update payments.receipts set status = 'done' where key = %s", f"{order_id}:charge")


def held_by_the_carrier(starter: Starter, order_id: str, **changes: Any) -> None:
    """Place an order whose charge is done and whose shipment the carrier delays for some seconds."""
    document = order_document(order_id, **{**shipped_to("00009"), **changes})
    ran = starter("place", "-", "--no-wait", "--json", stdin=as_bytes(document))
    assert ran.code == 0, ran.err
    until_step(starter, order_id, "ship", "pending")


def park(starter: Starter, system: Environment, **changes: Any) -> str:
    """Return the id of a cancelled order whose refund is parked."""
    order_id = new_id("parked")
    held_by_the_carrier(starter, order_id, **changes)
    forbid_refund(system, order_id)
    assert starter("cancel", order_id, "--reason", "changed my mind", "--actor", "c-7").code == 0
    until_status(starter, order_id, "needs_attention")
    return order_id


def park_completion(starter: Starter, system: Environment) -> str:
    """Return the id of a shipped order whose completion is parked."""
    order_id = new_id("shipped")
    held_by_the_carrier(starter, order_id, **shipped_to("00002"))
    sql(system, "update orders.orders set status = 'compensated', closed_at = now() where order_id = %s", order_id)
    until_status(starter, order_id, "needs_attention")
    return order_id


def allow_completion(system: Environment, order_id: str) -> None:
    sql(system, "update orders.orders set status = 'running', closed_at = null where order_id = %s", order_id)
