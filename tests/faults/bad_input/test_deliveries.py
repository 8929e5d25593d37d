"""A delivery of an event names it, and nothing more that it says is believed."""

import uuid
from datetime import timedelta

import pytest
from temporalio.client import ActivityFailureError
from temporalio.exceptions import ApplicationError

from models.names import TASK_QUEUE
from tests.faults.checker import violations
from tests.faults.good.system import DONE, Clients, clients

__all__ = ["clients"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]


async def test_a_delivery_can_not_say_what_type_its_event_has(clients: Clients) -> None:
    order = await clients.choreographed(DONE)
    placed = "select event_id from orders.outbox where process_id = %s and type = 'OrderPlaced'"
    event_id = await clients.system.one(placed, order.order_id)
    forged = {"event_id": event_id, "publisher": "orders", "subscriber": "shipping", "type": "OrderTimedOut"}

    handle = await clients.system.client.start_activity(
        "handle_event",
        forged,
        id=f"forged-{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        start_to_close_timeout=timedelta(seconds=20),
    )
    with pytest.raises(ActivityFailureError) as refused:
        await handle.result()

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "InvalidInput"
    assert not violations(await clients.evidence_of(order))
