"""From a parked undo to the person: the log, the table, the webhook, over a real worker and a real Temporal server."""

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
from tests.systems import System, open_system
from worker import orders_worker

pytestmark = pytest.mark.server

SECONDS_TO_HAPPEN = 30.0
# The carrier keeps this one waiting for some seconds: time enough to take the refund's ground away.
HELD = Scenario("alerted", postcode="00009")

Handle = WorkflowHandle[Any, OrderResult]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture(scope="module")
async def idle_system(servers: Stack) -> AsyncIterator[System]:
    """A system whose workers come and go with the tests."""
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system


@pytest.fixture
async def system(idle_system: System, hook: Hook) -> AsyncIterator[System]:
    """The system with a worker that alerts by webhook."""
    settings = idle_system.settings.model_copy(update={"alert_webhook": hook.url})
    async with orders_worker(idle_system.client, idle_system.stack.database_url, settings):
        yield idle_system


async def park(system: System) -> tuple[str, Handle]:
    """Return an order whose refund waits for a person."""
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
    """Whether the alert is noted as told."""
    told: bool = await system.one(
        "select bool_and(sent_at is not null) from operators.alerts where order_id = %s", order_id
    )
    return told


async def until_told(system: System, order_id: str) -> None:
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while not await sent_at(system, order_id):
            await asyncio.sleep(0.05)


async def resolved(handle: Handle, verb: str, evidence: str | None = None) -> None:
    command = {"step": "charge", "verb": verb, "actor": "ana", "reason": "seen", "evidence": evidence}
    await handle.execute_update("resolve", Resolve.model_validate(command))


async def test_a_parked_undo_is_told_once(system: System, hook: Hook) -> None:
    with structlog.testing.capture_logs() as logged:
        order_id, handle = await park(system)
        await until_told(system, order_id)

    (told,) = hook.told
    assert json.loads(told.body) == {
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


async def test_who_could_not_be_told_is_told_again_under_the_same_key_until_it_is(system: System, hook: Hook) -> None:
    hook.answers = [500, 503, 204]

    with structlog.testing.capture_logs() as logged:
        order_id, handle = await park(system)
        await until_told(system, order_id)
        await set_receipt(system, order_id, "done")
        await resolved(handle, "retry")
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while (await system.state(handle)).status is not Status.CANCELLED:
                await asyncio.sleep(0.05)

    assert [told.headers["Idempotency-Key"] for told in hook.told] == [f"{order_id}:charge:undo:0"] * 3
    assert [line["order_id"] for line in logged if line["event"] == "needs attention"] == [order_id]


async def test_a_failed_retry_is_a_new_alert(system: System, hook: Hook) -> None:
    order_id, handle = await park(system)
    await resolved(handle, "retry")
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while len(hook.told) < 2:
            await asyncio.sleep(0.05)

    keys = [told.headers["Idempotency-Key"] for told in hook.told]

    assert keys == [f"{order_id}:charge:undo:0", f"{order_id}:charge:undo:1"]
    await resolved(handle, "waive")


async def test_an_activity_that_runs_again_tells_nobody_twice(idle_system: System, hook: Hook) -> None:
    alert = Alert(
        key="o-9:charge:undo:0", order_id="o-9", step="charge", direction="undo", failure="f", at_risk=1, currency="EUR"
    )
    activity = OperatorActivities(Alerts(idle_system.db, [WebhookNotifier(hook.url)])).alert_operators

    first = await ActivityEnvironment().run(activity, alert)
    second = await ActivityEnvironment().run(activity, alert)

    assert (first.new, second.new) == (True, False)
    assert len(hook.told) == 1
