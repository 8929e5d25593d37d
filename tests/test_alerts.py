"""Alerts about a parked undo: the log, the table and the webhook, with a real worker and a real Temporal server."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.operators import OperatorActivities
from models.activities.operators import Alert
from models.commands import CancelOrder, Resolve
from models.process import OrderResult, Status
from providers.webhook import WebhookNotifier
from runtime.embedded.stack import Stack
from services.operators.alerts import Alerts
from tests.orders.scenarios import Scenario
from tests.runtime.hook import Hook, listening
from tests.services.shop import AnyProcess
from tests.systems import System, open_system
from worker import orders_worker

pytestmark = pytest.mark.server

SECONDS_TO_HAPPEN = 30.0
# The carrier takes some seconds to answer, in which the test makes the refund impossible.
HELD = Scenario("alerted", postcode="00009")

Handle = WorkflowHandle[Any, OrderResult]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture(scope="module")
async def idle_system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system without a worker; each test starts its own."""
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system


@pytest.fixture
async def system(idle_system: System, hook: Hook) -> AsyncIterator[System]:
    """Yield the system with a worker that sends alerts to the webhook."""
    settings = idle_system.settings.model_copy(update={"alert_webhook": hook.url})
    async with orders_worker(idle_system.client, idle_system.stack.database_url, settings):
        yield idle_system


async def park(system: System) -> tuple[str, Handle]:
    """Return the id and the handle of an order whose refund is parked."""
    order = HELD.order()
    handle = await system.start(order)
    await until(system, handle, "ship", "pending")
    await set_receipt(system, order.order_id, "settled")
    await handle.execute_update("cancel_order", CancelOrder(reason="changed my mind"))
    await until(system, handle, "charge", "parked")
    return order.order_id, handle


async def set_receipt(system: System, order_id: str, status: str) -> None:
    statement = b"update payments.receipts set status = %(status)s where key = %(key)s"
    await system.db.rows(statement, {"status": status, "key": f"{order_id}:charge"})


async def until(system: System, handle: Handle, step: str, status: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not any((s.step, s.status) == (step, status) for s in (await system.state(handle)).history):
            await asyncio.sleep(0.05)


async def sent_at(system: System, order_id: str) -> bool:
    """Return whether all alerts of the order are recorded as sent."""
    sent: bool = await system.one(
        "select bool_and(sent_at is not null) from operators.alerts where order_id = %s", order_id
    )
    return sent


async def until_sent(system: System, order_id: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await sent_at(system, order_id):
            await asyncio.sleep(0.05)


async def resolved(handle: Handle, verb: str, evidence: str | None = None) -> None:
    command = {"step": "charge", "verb": verb, "actor": "ana", "reason": "seen", "evidence": evidence}
    await handle.execute_update("resolve", Resolve.model_validate(command))


async def test_a_parked_undo_sends_one_alert(system: System, hook: Hook) -> None:
    with structlog.testing.capture_logs() as logged:
        order_id, handle = await park(system)
        await until_sent(system, order_id)

    (call,) = hook.calls
    assert json.loads(call.body) == {
        "key": f"{order_id}:charge:undo:0",
        "order_id": order_id,
        "step": "charge",
        "direction": "undo",
        "failure": f"AlreadySettled: {order_id}:charge: was settled and can't be undone",
        "at_risk": 4970,
        "currency": "EUR",
    }
    (line,) = [line for line in logged if line["event"] == "needs attention"]
    assert (line["log_level"], line["order_id"], line["step"], line["at_risk"]) == ("error", order_id, "charge", 4970)
    await resolved(handle, "skip", "transfer 4711")


async def test_a_failed_alert_is_sent_again_with_the_same_key_until_it_is_accepted(system: System, hook: Hook) -> None:
    hook.answers = [500, 503, 204]

    with structlog.testing.capture_logs() as logged:
        order_id, handle = await park(system)
        await until_sent(system, order_id)
        await set_receipt(system, order_id, "done")
        await resolved(handle, "retry")
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while (await system.state(handle)).status is not Status.CANCELLED:
                await asyncio.sleep(0.05)

    assert [call.headers["Idempotency-Key"] for call in hook.calls] == [f"{order_id}:charge:undo:0"] * 3
    assert [line["order_id"] for line in logged if line["event"] == "needs attention"] == [order_id]


async def test_a_receiver_that_is_down_delays_no_order(system: System, hook: Hook) -> None:
    hook.answers = [503] * 100
    order_id, handle = await park(system)
    await set_receipt(system, order_id, "done")
    await resolved(handle, "retry")

    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (await system.state(handle)).status is not Status.CANCELLED:
            await asyncio.sleep(0.05)

    recorded = await system.one("select raised_at is not null from operators.alerts where order_id = %s", order_id)
    assert (recorded, await sent_at(system, order_id)) == (True, False)


async def test_a_failed_retry_sends_a_new_alert(system: System, hook: Hook) -> None:
    order_id, handle = await park(system)
    await resolved(handle, "retry")
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while len(hook.calls) < 2:
            await asyncio.sleep(0.05)

    keys = [call.headers["Idempotency-Key"] for call in hook.calls]

    assert keys == [f"{order_id}:charge:undo:0", f"{order_id}:charge:undo:1"]
    await resolved(handle, "waive")


async def test_an_activity_that_runs_again_sends_no_second_alert(idle_system: System, hook: Hook) -> None:
    alert = Alert(
        key="o-9:charge:undo:0", order_id="o-9", step="charge", direction="undo", failure="f", at_risk=1, currency="EUR"
    )
    activity = OperatorActivities(Alerts(idle_system.db, [WebhookNotifier(hook.url)]), AnyProcess()).alert_operators

    first = await ActivityEnvironment().run(activity, alert)
    second = await ActivityEnvironment().run(activity, alert)

    assert (first.new, second.new) == (True, False)
    assert len(hook.calls) == 1
