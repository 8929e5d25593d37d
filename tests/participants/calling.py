"""Calls of a participant's activities as the workflow of an order makes them, and what they answer."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory

from models.activities.receipts import Receipts
from models.names import workflow_id, workflow_of
from models.order import Order
from models.recovery import EffectReceipt
from tests.systems import System

CALLERS = "callers"


class Called(BaseModel):
    """One call: the activity, its arguments, and how often it may be tried."""

    activity: str
    arguments: list[Any]
    attempts: int = 1


class Answer(BaseModel):
    """The reply of a call, or its failure: the error's type, whether it is retried, and the attempt in its details."""

    reply: dict[str, Any] | None = None
    error: str | None = None
    retried: bool = False
    benign: bool = False
    attempt: int | None = None


@workflow.defn(name="Caller", sandboxed=False)
class Caller:
    """Makes all calls side by side."""

    @workflow.run
    async def run(self, calls: list[Called]) -> list[Answer]:
        return list(await asyncio.gather(*map(_answered, calls)))


async def _answered(call: Called) -> Answer:
    try:
        reply = await workflow.execute_activity(
            call.activity,
            args=call.arguments,
            task_queue="payments",
            start_to_close_timeout=timedelta(seconds=20),
            heartbeat_timeout=timedelta(seconds=2),
            retry_policy=RetryPolicy(maximum_attempts=call.attempts, initial_interval=timedelta(milliseconds=100)),
        )
    except ActivityError as failed:
        error = failed.cause
        assert isinstance(error, ApplicationError), error
        return Answer(
            error=error.type,
            retried=not error.non_retryable,
            benign=error.category is ApplicationErrorCategory.BENIGN,
            attempt=error.details[0] if error.details else None,
        )
    return Answer(reply=reply)


async def answers(system: System, caller: str, *calls: Called) -> list[Answer]:
    """Return the answers to calls side by side, made by a workflow of this id."""
    return await system.client.execute_workflow(Caller.run, list(calls), id=caller, task_queue=CALLERS)


async def known(system: System, process: str) -> tuple[EffectReceipt, ...]:
    """Return what payments answers to the recovery of an order or a slip, given its name in keys."""
    called = Called(activity="find_payment_receipts", arguments=[{"order_id": process}])
    (answer,) = await answers(system, workflow_of(process), called)
    assert answer.error is None, answer
    found = Receipts.model_validate_json(json.dumps(answer.reply))
    assert found.attempt == 1
    return found.receipts


class Paid:
    """The calls for the payment of one order, made by its workflow."""

    def __init__(self, system: System, order: Order) -> None:
        self._system, self.order_id = system, order.order_id
        self.key = f"{order.order_id}:charge"

    def request(self, **fields: Any) -> dict[str, Any]:
        return {"key": self.key, "order_id": self.order_id, **fields}

    async def call(self, activity: str, *, attempts: int = 1, **fields: Any) -> Answer:
        """Return the answer to one call."""
        return (await self.at_once(activity, attempts=attempts, **fields))[0]

    async def at_once(self, activity: str, times: int = 1, *, attempts: int = 1, **fields: Any) -> list[Answer]:
        """Return the answers to a call that is made several times side by side."""
        called = Called(activity=activity, arguments=[self.request(**fields)], attempts=attempts)
        return await answers(self._system, workflow_id(self.order_id), *[called] * times)

    async def known(self) -> list[tuple[str, str, int | None]]:
        """Return the step, the status and the amount of each receipt that the order's recovery is told."""
        receipts = await known(self._system, self.order_id)
        return [(each.step, each.status, each.amount.amount if each.amount else None) for each in receipts]

    async def kinds(self) -> str | None:
        """Return the kinds of the key's ledger entries."""
        query = "select string_agg(kind, ' ' order by kind) from payments.ledger where key = %s"
        found: str | None = await self._system.one(query, self.key)
        return found


async def accepted(system: System, **payment: Any) -> Paid:
    """Return the calls for a new order that was accepted at 49.70 EUR."""
    given = {"method": "card", "token": "tok_ok"} | payment
    if "reference" in payment:
        given = {"method": "bank_transfer", **payment}
    order = Order.model_validate(
        {
            "order_id": f"called-{uuid4().hex[:12]}",
            "customer_id": "c-7",
            "currency": "EUR",
            "lines": ({"sku": "SKU-1", "quantity": 2}, {"sku": "SKU-2", "quantity": 1}),
            "payment": given,
            "ship_to": {"name": "A", "street": "1 Main St", "city": "Lyon", "postcode": "69001", "country": "FR"},
        }
    )
    await system.services.orders.accept(order)
    return Paid(system, order)
