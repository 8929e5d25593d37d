"""Orders that are stuck, and what people do about them."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from models.commands import CommandAccepted, Resolve
from models.order import Order
from tests.orders.scenarios import Scenario
from tests.orders.skipping import Handle, Skipping

STUCK = Scenario("stuck", token="tok_refund_fails", postcode="00000")
TOTAL = 4970
LONGER_THAN_ANY_UNDO = 150


async def parked(skipping: Skipping, scenario: Scenario = STUCK) -> tuple[Order, Handle]:
    """Return an order whose refund has failed for good."""
    order = scenario.order()
    handle = await skipping.start(order)
    await skipping.pass_by(LONGER_THAN_ANY_UNDO)
    await skipping.until(handle, "needs_attention")
    return order, handle


async def decide(handle: Handle, verb: str, step: str = "charge", **more: Any) -> CommandAccepted:
    command = Resolve.model_validate({"step": step, "verb": verb, "actor": "ann", "reason": "looked into it", **more})
    answer: CommandAccepted = await handle.execute_update("resolve", command, result_type=CommandAccepted)
    return answer


async def refusal(handle: Handle, verb: str, step: str = "charge", **more: Any) -> str:
    """Return why a decision is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await decide(handle, verb, step, **more)
    return str(caught.value.cause)


async def mend(skipping: Skipping, order: Order) -> None:
    """Have the provider give back after all."""
    mended = b"update card_provider.entries set undo_failures = 0 where key = %(key)s returning key"
    await skipping.run_sql(mended, key=f"{order.order_id}:charge")
